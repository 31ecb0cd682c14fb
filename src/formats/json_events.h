// A strict JSON reader that tells what it sees as it goes, for files that come from strangers:
// UTF-8 is checked, an object that repeats a key is refused, nesting is limited, and nothing may
// stand before or after the one value. Memory grows with the names of the open objects only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hyprstream::formats {

/// Called in the order of the text. A listener refuses by throwing an Error.
class JsonListener {
 public:
  virtual ~JsonListener() = default;
  virtual void BeginObject() = 0;
  virtual void EndObject() = 0;
  virtual void BeginArray() = 0;
  virtual void EndArray() = 0;
  virtual void Key(std::string key) = 0;
  virtual void String(std::string value) = 0;
  virtual void Unsigned(uint64_t value) = 0;
  virtual void Negative(int64_t value) = 0;  // an integer below zero
  virtual void Double(double value) = 0;
  virtual void Bool(bool value) = 0;
  virtual void Null() = 0;
};

inline constexpr int kMaxJsonDepth = 32;

/// Reads one JSON value, which may be followed by white space only. Errors: kDataLoss naming `what`
/// and the offset; whatever the listener throws.
void ReadJson(std::string_view text, std::string_view what, JsonListener& listener);

/// The same checks with nothing listened to.
void CheckJson(std::string_view text, std::string_view what);

}  // namespace hyprstream::formats
