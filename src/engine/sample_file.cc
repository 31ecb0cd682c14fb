#include "engine/sample_file.h"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <iterator>

#include "base/error.h"

namespace hyprstream::engine {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using adapters::NewSample;

constexpr std::string_view kSpaces = " \t\r\n";
constexpr size_t kMaxDepth = 128;

std::string ReadText(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) {
    throw Error(ErrorCode::kNotFound,
                {.message = "cannot read the samples", .where = path.string()});
  }
  return text;
}

NewSample Checked(std::string body, const SampleEncoder& encoder, const std::string& where) {
  try {
    (void)encoder.Encode(body);
  } catch (const Error& error) {
    throw error.Within(where);
  }
  return {.body = std::move(body)};
}

std::vector<NewSample> ReadArray(const std::string& text, const SampleEncoder& encoder,
                                 const std::string& where) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::stream_parser parser({}, options);
  json::error_code failed;
  const size_t read = parser.write_some(text, failed);
  if (!failed) parser.finish(failed);
  if (failed || text.find_first_not_of(kSpaces, read) != std::string::npos) {
    const auto end = text.begin() + static_cast<ptrdiff_t>(read);
    throw Error(
        ErrorCode::kInvalidArgument,
        {.message = "the file is no JSON array",
         .found = failed ? failed.message() : "more text behind it",
         .where = where + ", line " + std::to_string(std::count(text.begin(), end, '\n') + 1)});
  }
  std::vector<NewSample> samples;
  const json::value document = parser.release();
  for (const json::value& item : document.as_array()) {
    samples.push_back(Checked(json::serialize(item), encoder,
                              where + ", sample " + std::to_string(samples.size() + 1)));
  }
  return samples;
}

std::vector<NewSample> ReadLines(const std::string& text, const SampleEncoder& encoder,
                                 const std::string& where) {
  std::vector<NewSample> samples;
  int64_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(kSpaces) == std::string::npos) continue;
    samples.push_back(Checked(line, encoder, where + ", line " + std::to_string(number)));
  }
  return samples;
}

}  // namespace

std::vector<NewSample> ReadSampleFile(const fs::path& path, const SampleEncoder& encoder) {
  const std::string text = ReadText(path);
  const size_t first = text.find_first_not_of(kSpaces);
  const bool array = first != std::string::npos && text[first] == '[';
  std::vector<NewSample> samples =
      array ? ReadArray(text, encoder, path.string()) : ReadLines(text, encoder, path.string());
  if (!samples.empty()) return samples;
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "the file has no samples",
               .expected = "lines such as {\"input\": \"…\", \"output\": \"…\"}",
               .where = path.string()});
}

}  // namespace hyprstream::engine
