#include "text/fixture_tokenizers.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <sstream>

#include "support/data.h"

namespace hyprstream::text {
namespace {

std::string Folder(std::string_view name) { return "fixtures/tokenizer/" + std::string(name); }

}  // namespace

std::string ReadFixture(std::string_view relative) {
  // zlib reads a file that is not compressed as it is.
  gzFile file = gzopen(testing::DataPath(relative).c_str(), "rb");
  EXPECT_NE(file, nullptr) << relative;
  std::string bytes;
  if (file == nullptr) return bytes;
  std::vector<char> block(1 << 16);
  for (int count = 0;
       (count = gzread(file, block.data(), static_cast<unsigned>(block.size()))) > 0;) {
    bytes.append(block.data(), static_cast<size_t>(count));
  }
  gzclose(file);
  return bytes;
}

std::vector<boost::json::object> ReadRows(std::string_view relative) {
  std::istringstream lines(ReadFixture(relative));
  std::vector<boost::json::object> rows;
  for (std::string line; std::getline(lines, line);) {
    rows.push_back(boost::json::parse(line).as_object());
  }
  EXPECT_FALSE(rows.empty()) << relative;
  return rows;
}

std::vector<TokenId> Ids(const boost::json::value& value) {
  return boost::json::value_to<std::vector<TokenId>>(value);
}

std::shared_ptr<const Tokenizer> FixtureTokenizer(const std::string& name) {
  static std::map<std::string, std::shared_ptr<const Tokenizer>> made;
  auto& tokenizer = made[name];
  if (!tokenizer) {
    std::string file = Folder(name) + "/tokenizer.json";
    if (!std::filesystem::exists(testing::DataPath(file))) file += ".gz";
    tokenizer = Tokenizer::FromJson(ReadFixture(file), file);
  }
  return tokenizer;
}

std::shared_ptr<const Tokenizer> FixtureGguf(const std::string& name) {
  return Tokenizer::FromPath(testing::DataPath(Folder(name) + "/vocab.gguf"));
}

}  // namespace hyprstream::text
