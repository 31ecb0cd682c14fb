// The consumer's handle on a request: reads the channel, and tells the engine thread when it is
// dropped or cancelled. Holds nothing of the engine but its mailbox, so it may outlive it.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "engine/engine.h"
#include "engine/event_channel.h"
#include "engine/mailbox.h"

namespace hyprstream::engine {

class ChannelGeneration : public Generation {
 public:
  ChannelGeneration(std::shared_ptr<EventChannel> channel, std::shared_ptr<Mailbox> mailbox)
      : channel_(std::move(channel)), mailbox_(std::move(mailbox)) {}
  ~ChannelGeneration() override {
    if (!channel_->finished()) CancelAndWake();
  }

  std::optional<GenerationEvent> Next() override { return channel_->Next(); }
  std::optional<GenerationEvent> NextUntil(
      std::chrono::steady_clock::time_point deadline) override {
    return channel_->NextUntil(deadline);
  }
  std::optional<GenerationEvent> TryNext() override { return channel_->TryNext(); }
  void WhenReady(std::function<void()> ready) override { channel_->WhenReady(std::move(ready)); }
  bool finished() const override { return channel_->finished(); }
  void Cancel() override { CancelAndWake(); }

 private:
  void CancelAndWake() {
    channel_->Cancel();
    mailbox_->Poke();
  }

  std::shared_ptr<EventChannel> channel_;
  std::shared_ptr<Mailbox> mailbox_;
};

}  // namespace hyprstream::engine
