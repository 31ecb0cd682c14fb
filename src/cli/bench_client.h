// The client's side of `bench serve`: completions asked for over real sockets, all of them read by
// the calling thread alone, so that it takes as little as possible from what is measured.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hyprstream::cli {

/// What one load took, from the first request to the end of the last answer.
struct LoadTimes {
  double seconds = 0;
  int64_t tokens = 0;        // as the server counted them
  std::vector<double> gaps;  // seconds between two tokens of the same stream
};

/// Each body is a streamed request to /v1/completions of its own connection to 127.0.0.1, sent at
/// once. Tokens whose text is incomplete come with the next. Errors: kIo for a connection that
/// fails or ends early; kUnavailable when nothing comes for a minute; kFailedPrecondition with what
/// the server says when it refuses.
LoadTimes AskTogether(uint16_t port, const std::vector<std::string>& bodies);

}  // namespace hyprstream::cli
