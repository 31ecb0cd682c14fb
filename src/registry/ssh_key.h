// An Ed25519 key as OpenSSH keeps it, without a passphrase: what Ollama knows a user by. Immutable;
// any thread. Formats: PROTOCOL.key and RFC 8709 of OpenSSH; signatures: RFC 8032.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace hyprstream::registry {

class SshKey {
 public:
  /// `text`: an "OPENSSH PRIVATE KEY". Errors: kUnauthenticated, without a byte of the text, for
  /// what is no key, is encrypted, is of another kind, or does not fit its own public half.
  static SshKey Parse(std::string_view text, std::string_view where);
  /// Errors: kNotFound; kPermissionDenied; as above.
  static SshKey Read(const std::filesystem::path& path);

  /// As in a line of authorized_keys: its second word.
  std::string PublicText() const;
  /// 64 bytes.
  std::string Sign(std::string_view message) const;

 private:
  using Half = std::array<uint8_t, 32>;
  SshKey(const Half& secret, const Half& open) : secret_(secret), public_(open) {}

  Half secret_;
  Half public_;
};

}  // namespace hyprstream::registry
