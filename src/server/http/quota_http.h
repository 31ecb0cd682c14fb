// Quotas as HTTP tells them: what a request asks of the ledger, the headers that say where a client
// stands, and 429 in each dialect.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/request.h"
#include "server/http/app.h"
#include "server/http/error_reply.h"
#include "server/http/message.h"
#include "server/quota_ledger.h"

namespace hyprstream::server {

/// The most tokens that generating can take: each prompt once, however many choices it has, and
/// answers as long as they may be.
int64_t MostTokens(std::span<const engine::GenerationRequest> requests, size_t choices_per_prompt,
                   int64_t context);

/// Takes from the call's key and the speaker's adapters. What was taken is settled by the call's
/// record when the exchange ends. Errors: QuotaExceeded.
void TakeQuota(App& app, Call& call, const Speaker& speaker, const QuotaAmounts& most);
/// The same for an adapter by its name; empty: none.
void TakeQuota(App& app, Call& call, const std::string& adapter, const QuotaAmounts& most);

/// x-ratelimit-limit-tokens and so on, as OpenAI has them.
Headers QuotaHeaders(const std::vector<QuotaStanding>& standings);
/// 429 with Retry-After, or with x-should-retry: false when no waiting helps.
Reply QuotaReply(const QuotaExceeded& refusal, Dialect dialect);

}  // namespace hyprstream::server
