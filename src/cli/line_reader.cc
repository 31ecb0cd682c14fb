#include "cli/line_reader.h"

#include <histedit.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <cwchar>

#include "base/error.h"
#include "cli/interrupt.h"

namespace hyprstream::cli {
namespace {

constexpr int kHistoryLines = 1000;

size_t ReadSome(char* data, size_t size) {
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, data, size);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR) {
      throw Error(ErrorCode::kIo,
                  {.message = "cannot read standard input", .found = std::strerror(errno)});
    }
  }
}

class PlainReader : public LineReader {
 public:
  Line Read(const std::string&) override {
    size_t newline = held_.find('\n');
    while (newline == std::string::npos && !ended_) {
      char chunk[4096];
      const size_t got = ReadSome(chunk, sizeof chunk);
      ended_ = got == 0;
      held_.append(chunk, got);
      newline = held_.find('\n');
    }
    if (newline == std::string::npos && held_.empty())
      return {.kind = Line::Kind::kEnd, .text = {}};
    Line line{.kind = Line::Kind::kText, .text = held_.substr(0, newline)};
    held_.erase(0, newline == std::string::npos ? held_.size() : newline + 1);
    if (line.text.ends_with('\r')) line.text.pop_back();
    return line;
  }

 private:
  std::string held_;
  bool ended_ = false;
};

class EditedReader : public LineReader {
 public:
  EditedReader() : editor_(el_init("hyprstream", stdin, stdout, stderr)), history_(history_init()) {
    HYPR_CHECK(editor_ != nullptr && history_ != nullptr);
    HistEvent event;
    history(history_, &event, H_SETSIZE, kHistoryLines);
    history(history_, &event, H_SETUNIQUE, 1);
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(editor_, EL_PROMPT, &EditedReader::Prompt);
    el_set(editor_, EL_HIST, history, history_);
    el_set(editor_, EL_EDITOR, "emacs");
    el_set(editor_, EL_SIGNAL, 0);
    el_set(editor_, EL_GETCFN, &EditedReader::ReadCharacter);
    el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    el_source(editor_, nullptr);  // the user's ~/.editrc
  }
  ~EditedReader() override {
    el_end(editor_);
    history_end(history_);
  }

  Line Read(const std::string& prompt) override {
    prompt_ = prompt;
    const InterruptScope interrupts;
    // Before the prompt is shown, not after: what is typed at once must not be edited by the
    // terminal.
    el_set(editor_, EL_PREP_TERM, 1);
    int length = 0;
    const char* text = el_gets(editor_, &length);
    if (InterruptScope::Take()) {
      el_reset(editor_);
      std::fputs("\n", stdout);
      std::fflush(stdout);
      return {.kind = Line::Kind::kInterrupted, .text = {}};
    }
    if (text == nullptr || length <= 0) return {.kind = Line::Kind::kEnd, .text = {}};
    std::string line(text, static_cast<size_t>(length));
    if (line.ends_with('\n')) line.pop_back();
    if (line.find_first_not_of(" \t") != std::string::npos) {
      HistEvent event;
      history(history_, &event, H_ENTER, line.c_str());
    }
    return {.kind = Line::Kind::kText, .text = std::move(line)};
  }

 private:
  static char* Prompt(EditLine* editor) {
    EditedReader* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return self->prompt_.data();
  }

  // 1 with a character, 0 at the end of input, -1 when interrupted: what el_gets asks for.
  static int ReadCharacter(EditLine*, wchar_t* character) {
    std::mbstate_t state{};
    while (true) {
      if (InterruptScope::WaitToRead(STDIN_FILENO) == InterruptScope::Wait::kInterrupted) return -1;
      char byte = 0;
      const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got <= 0) return static_cast<int>(got);
      const size_t used = std::mbrtowc(character, &byte, 1, &state);
      if (used == static_cast<size_t>(-2)) continue;  // the character goes on
      if (used == static_cast<size_t>(-1)) {          // not one: leave it out
        state = {};
        continue;
      }
      return 1;
    }
  }

  EditLine* editor_;
  History* history_;
  std::string prompt_;
};

}  // namespace

std::unique_ptr<LineReader> LineReader::Create(const Terminal& terminal) {
  if (terminal.input && terminal.output) return std::make_unique<EditedReader>();
  return std::make_unique<PlainReader>();
}

std::string ReadAllInput() {
  std::string text;
  char chunk[1 << 16];
  while (const size_t got = ReadSome(chunk, sizeof chunk)) text.append(chunk, got);
  return text;
}

}  // namespace hyprstream::cli
