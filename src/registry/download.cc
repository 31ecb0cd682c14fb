#include "registry/download.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/error.h"
#include "registry/hash_follower.h"
#include "registry/part_table.h"
#include "registry/url.h"

namespace hyprstream::registry {
namespace {

/// Thrown inside: the whole file has to begin anew, over one connection when ranges are ignored.
enum class Restart { kRangesIgnored, kStale };

/// What a connection has received is written in pieces of so many bytes: libcurl gives a sixteenth
/// of a quarter of a megabyte at a time.
constexpr size_t kWriteBytes = 256u << 10;

/// New addresses that are refused without a byte in between.
constexpr int kMaxRefusals = 2;
constexpr int kMaxRestarts = 3;

/// The address that all connections use; asked for again by the first that is refused.
class SharedAddress {
 public:
  explicit SharedAddress(const Locate& locate) : locate_(locate) {}

  struct Version {
    RemoteAddress address;
    int number = 0;
  };
  Version Get() {
    const std::lock_guard lock(mutex_);
    if (!current_) current_ = {.address = locate_(), .number = 1};
    return *current_;
  }
  void Expired(int number) {
    const std::lock_guard lock(mutex_);
    if (current_->number == number) current_ = {.address = locate_(), .number = number + 1};
  }

 private:
  const Locate& locate_;
  std::mutex mutex_;
  std::optional<Version> current_;
};

struct ContentRange {
  uint64_t begin = 0;
  uint64_t end = 0;  // exclusive
  std::optional<uint64_t> total;
};

/// "bytes 5-9/100" or "bytes 5-9/*" (RFC 9110, 14.4).
std::optional<ContentRange> ParseContentRange(std::string_view text) {
  if (!text.starts_with("bytes ")) return {};
  text.remove_prefix(6);
  const auto number = [&](uint64_t& value, char terminator) {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc()) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (terminator == '\0') return text.empty();
    if (!text.starts_with(terminator)) return false;
    text.remove_prefix(1);
    return true;
  };
  ContentRange range;
  uint64_t last = 0;
  if (!number(range.begin, '-') || !number(last, '/') || last < range.begin) return {};
  range.end = last + 1;
  if (text == "*") return range;
  uint64_t total = 0;
  if (!number(total, '\0')) return {};
  range.total = total;
  return range;
}

/// Of one connection, not yet written.
using Received = std::vector<std::byte>;

class Transfer {
 public:
  Transfer(const RemoteFile& file, SharedAddress& address, PartialFile& partial,
           const DownloadOptions& options, uint64_t part_size,
           const std::function<void(uint64_t)>& on_progress)
      : file_(file),
        address_(address),
        options_(options),
        on_progress_(on_progress),
        descriptor_(partial.descriptor()),
        parts_(partial, file.size, part_size),
        follower_(partial.descriptor(), partial.path(), file.size,
                  file.git_sha1.empty() ? BlobHash::Git::kNo : BlobHash::Git::kYes) {
    done_ = parts_.total_done();
    resumed_ = done_ > 0;
  }

  /// Throws Restart and Errors.
  BlobNames Run();
  uint64_t fetched() const { return fetched_; }
  bool resumed() const { return resumed_; }

 private:
  void Work(std::stop_token stop);
  void FetchPart(HttpClient& client, size_t part);
  HttpClient::Sink Receive(size_t part, const HttpResponse& response, Received& received);
  void Take(size_t part, std::span<const std::byte> bytes, Received& received);
  void Write(size_t part, Received& received);
  void CheckFinal(size_t part, const HttpResponse& response, int address_number, Retries& retries,
                  int& refusals);
  [[noreturn]] void FailSize(std::string found) const;

  const RemoteFile& file_;
  SharedAddress& address_;
  const DownloadOptions& options_;
  const std::function<void(uint64_t)>& on_progress_;
  const int descriptor_;
  PartTable parts_;
  HashFollower follower_;
  std::atomic<size_t> next_part_{0};
  std::atomic<uint64_t> done_{0};
  std::atomic<uint64_t> fetched_{0};
  bool resumed_ = false;
  std::mutex hash_mutex_;  // one thread at a time finds out how far the file is whole
};

void Transfer::FailSize(std::string found) const {
  throw Error(ErrorCode::kDataLoss, {.message = "the server sends a file of another size",
                                     .expected = std::to_string(file_.size) + " bytes",
                                     .found = std::move(found),
                                     .where = file_.name,
                                     .hint = "the file may just be changing: try again"});
}

void Transfer::Take(size_t part, std::span<const std::byte> bytes, Received& received) {
  if (received.size() + bytes.size() > parts_.end(part) - parts_.begin(part) - parts_.done(part)) {
    FailSize("more than that");
  }
  received.insert(received.end(), bytes.begin(), bytes.end());
  fetched_ += bytes.size();
  if (received.size() >= kWriteBytes) Write(part, received);
}

void Transfer::Write(size_t part, Received& received) {
  const std::span<const std::byte> bytes = received;
  if (bytes.empty()) return;
  parts_.Append(part, bytes);
  const uint64_t done = done_ += bytes.size();
  received.clear();
  if (on_progress_) on_progress_(done);
  // Whoever finds another at it may go on: that one, or the next piece, tells.
  if (std::unique_lock lock(hash_mutex_, std::try_to_lock); lock.owns_lock()) {
    follower_.Advance(parts_.frontier());
  }
}

HttpClient::Sink Transfer::Receive(size_t part, const HttpResponse& response, Received& received) {
  if (response.status == 206) {
    const auto range = ParseContentRange(response.headers.Find("Content-Range"));
    const uint64_t wanted = parts_.begin(part) + parts_.done(part);
    if (!range || range->begin != wanted || range->end > parts_.end(part)) {
      throw Error(ErrorCode::kDataLoss,
                  {.message = "the server sends another part of the file than was asked for",
                   .expected = "Content-Range: bytes " + std::to_string(wanted) + "-",
                   .found = std::string(response.headers.Find("Content-Range").substr(0, 80)),
                   .where = file_.name});
    }
    if (range->total && *range->total != file_.size) FailSize(std::to_string(*range->total));
  } else if (response.status == 200) {
    const auto length = response.content_length();
    if (length && *length != file_.size) FailSize(std::to_string(*length) + " bytes");
    if (parts_.count() > 1 || parts_.done(part) > 0) throw Restart::kRangesIgnored;
  } else {
    return {};
  }
  return [this, part, &received](std::span<const std::byte> bytes) { Take(part, bytes, received); };
}

void Transfer::CheckFinal(size_t part, const HttpResponse& response, int address_number,
                          Retries& retries, int& refusals) {
  if (response.status == 200 || response.status == 206) {
    // Ended in good order, but early.
    if (parts_.complete(part) || retries.Wait()) return;
    FailSize("less than that, again and again");
  }
  if (response.status == 416) throw Restart::kStale;
  if (IsTransient(response.status)) {
    if (retries.Wait(RetryAfter(response.headers))) return;
    throw Error(ErrorCode::kUnavailable, {.message = "the server is too busy",
                                          .found = "HTTP status " + std::to_string(response.status),
                                          .where = file_.name,
                                          .hint = "try again later; what has come is kept"});
  }
  // Presigned addresses expire. When the new one is refused as well it is not that.
  if (++refusals <= kMaxRefusals) return address_.Expired(address_number);
  throw Error(response.status == 404 ? ErrorCode::kNotFound : ErrorCode::kPermissionDenied,
              {.message = "the server that has the file refuses to send it",
               .found = "HTTP status " + std::to_string(response.status),
               .where = file_.name});
}

void Transfer::FetchPart(HttpClient& client, size_t part) {
  Retries retries(options_.retries, client.options().stop);
  int refusals = 0;
  Received received;
  received.reserve(2 * kWriteBytes);
  while (!parts_.complete(part)) {
    const SharedAddress::Version address = address_.Get();
    HttpRequest request{.url = address.address.url, .token = address.address.token};
    const uint64_t from = parts_.begin(part) + parts_.done(part);
    if (parts_.count() > 1) {
      request.headers.emplace_back(
          "Range", "bytes=" + std::to_string(from) + "-" + std::to_string(parts_.end(part) - 1));
    } else if (from > 0) {
      request.headers.emplace_back("Range", "bytes=" + std::to_string(from) + "-");
    }
    const auto advanced = [&] { return parts_.begin(part) + parts_.done(part) > from; };
    try {
      const HttpResponse response = client.Send(
          request, [&](const HttpResponse& head) { return Receive(part, head, received); });
      Write(part, received);
      if (advanced()) retries.Progressed(), refusals = 0;
      CheckFinal(part, response, address.number, retries, refusals);
    } catch (const Error& error) {
      // What came before a cut, or before the user stopped it, counts.
      const bool cut = error.code() == ErrorCode::kUnavailable;
      if (cut || error.code() == ErrorCode::kCancelled) Write(part, received);
      if (!cut) throw;
      // A cut after some bytes costs no patience: the rest is asked for at once.
      if (advanced()) {
        retries.Progressed();
        refusals = 0;
      } else if (!retries.Wait()) {
        throw error.Within(file_.name);
      }
    }
  }
}

void Transfer::Work(std::stop_token stop) {
  HttpOptions http = options_.http;
  http.stop = std::move(stop);
  HttpClient client(std::move(http));
  while (true) {
    const size_t part = next_part_++;
    if (part >= parts_.count()) return;
    FetchPart(client, part);
  }
}

BlobNames Transfer::Run() {
  if (on_progress_) on_progress_(done_);
  size_t missing = 0;
  for (size_t part = 0; part < parts_.count(); ++part) missing += !parts_.complete(part);
  const size_t connections =
      std::clamp<size_t>(missing, 1, std::max<size_t>(1, options_.connections));
  std::stop_source stop;
  std::stop_callback forward(options_.http.stop, [&] { stop.request_stop(); });
  std::mutex mutex;
  std::exception_ptr failed;
  const auto guarded = [&] {
    try {
      Work(stop.get_token());
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failed) failed = std::current_exception();
      stop.request_stop();  // the others' errors come of this one
    }
  };
  {
    std::vector<std::jthread> others;
    for (size_t i = 1; i < connections; ++i) others.emplace_back(guarded);
    guarded();
  }
  if (failed) std::rethrow_exception(failed);
  follower_.Advance(parts_.frontier());
  // The disk has the rest to do while the last bytes are hashed; whoever keeps the file syncs it.
  ::fdatasync(descriptor_);
  return follower_.Finish();
}

void CheckNames(const RemoteFile& file, const BlobNames& names) {
  const auto differs = [](const std::string& wanted, const std::string& got) {
    return !wanted.empty() && wanted != got;
  };
  const bool sha256 = differs(file.sha256, names.sha256);
  if (!sha256 && !differs(file.git_sha1, names.git_sha1)) return;
  throw Error(ErrorCode::kDataLoss,
              {.message = "what was sent is not the file: its hash is wrong",
               .expected = sha256 ? "SHA-256 " + file.sha256 : "git blob " + file.git_sha1,
               .found = sha256 ? names.sha256 : names.git_sha1,
               .where = file.name,
               .hint = "nothing of it was kept; try again, and if it happens again tell whoever "
                       "runs the hub or the proxy before it"});
}

}  // namespace

Downloaded Download(const RemoteFile& file, const Locate& locate, PartialFile& partial,
                    const DownloadOptions& options,
                    const std::function<void(uint64_t)>& on_progress) {
  HYPR_CHECK(!file.sha256.empty() || !file.git_sha1.empty());
  SharedAddress address(locate);
  uint64_t part_size = options.part_size;
  Downloaded result;
  for (int restarts = 0;; ++restarts) {
    Transfer transfer(file, address, partial, options, part_size, on_progress);
    try {
      const BlobNames names = transfer.Run();
      result.fetched += transfer.fetched();
      CheckNames(file, names);
      result.names = names;
      return result;
    } catch (Restart reason) {
      if (restarts == kMaxRestarts) {
        throw Error(ErrorCode::kDataLoss,
                    {.message = "the server cannot say what of the file it has",
                     .where = file.name,
                     .hint = "try again later"});
      }
      if (reason == Restart::kRangesIgnored) part_size = file.size;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kDataLoss) throw;
      // What lay there from an earlier attempt may be what is wrong: once more, from nothing.
      const bool again = transfer.resumed() && restarts == 0;
      if (!again) {
        partial.Reset();
        throw;
      }
    }
    result.fetched += transfer.fetched();
    partial.Reset();
  }
}

}  // namespace hyprstream::registry
