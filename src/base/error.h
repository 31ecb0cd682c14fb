// The one error type. It is made where the knowledge is and says what was expected, what was found,
// where, and what to do; the program's edges map its code once to an exit status, an HTTP status or
// a Flight status. Broken input is an Error; a broken invariant is a HYPR_CHECK that aborts.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace hyprstream {

enum class ErrorCode {
  kInvalidArgument,     // the caller's request is wrong
  kUsage,               // the command line is wrong
  kNotFound,            // no such file, model, adapter
  kAlreadyExists,       // a name is taken
  kFailedPrecondition,  // right request, wrong state
  kDataLoss,            // a file is damaged or hostile
  kUnsupported,         // well formed, but a feature we do not have
  kResourceExhausted,   // memory, disk, quota
  kLimit,               // a limit on time, depth, size or count was reached
  kPermissionDenied,
  kUnauthenticated,
  kUnavailable,  // try again later
  kCancelled,
  kIo,  // the operating system said no
};

/// Lower-case name as it appears in JSON errors, such as "invalid_argument".
std::string_view ErrorCodeName(ErrorCode code);

/// Any field but `message` may be empty; use designated initialisers.
struct ErrorDetail {
  std::string message = {};   // one line: what went wrong
  std::string expected = {};  // what would have been right
  std::string found = {};     // what was there instead
  std::string where = {};     // file, offset, field, line
  std::string hint = {};      // what the user can do
};

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, ErrorDetail detail);

  ErrorCode code() const { return code_; }
  const ErrorDetail& detail() const { return detail_; }

  /// The same error with `where` put before what is already there ("outer: inner").
  Error Within(std::string_view where) const;

 private:
  ErrorCode code_;
  ErrorDetail detail_;
};

namespace internal {
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);
}  // namespace internal

}  // namespace hyprstream

#define HYPR_CHECK(condition) \
  ((condition) ? (void)0 : ::hyprstream::internal::CheckFailed(#condition, __FILE__, __LINE__))
