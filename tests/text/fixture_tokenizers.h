// Tokenizers and golden rows from tests/data/fixtures/tokenizer.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace hyprstream::text {

/// The file's bytes; a name ending in .gz is unpacked.
std::string ReadFixture(std::string_view relative);
/// The rows of a .jsonl file.
std::vector<boost::json::object> ReadRows(std::string_view relative);
std::vector<TokenId> Ids(const boost::json::value& value);

/// The tokenizer in folder `name`, from tokenizer.json(.gz); made once.
std::shared_ptr<const Tokenizer> FixtureTokenizer(const std::string& name);
/// The same from vocab.gguf.
std::shared_ptr<const Tokenizer> FixtureGguf(const std::string& name);

}  // namespace hyprstream::text
