// The messages of a chat so far, kept in a JSON file between runs: {"model": …, "messages":
// [{"role", "content"}, …]}, or a bare array of messages. One thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "text/template/value.h"

namespace hyprstream::cli {

struct Message {
  std::string role;
  std::string content;
};

class Conversation {
 public:
  /// Errors: kNotFound, kDataLoss naming the file and what is wrong with it.
  void Load(const std::filesystem::path& path);
  /// Written atomically. Errors: those of AtomicFile.
  void Save(const std::filesystem::path& path, std::string_view model) const;

  /// Replaces the system message; it always comes first.
  void SetSystem(std::string content);
  void Add(std::string role, std::string content);
  /// Forgets everything but the system message.
  void Clear();
  /// Takes back the last message.
  void Undo();

  const std::vector<Message>& messages() const { return messages_; }
  text::Value AsValue() const;

 private:
  std::vector<Message> messages_;
};

}  // namespace hyprstream::cli
