// Content hashes. Sha256 may be fed in pieces; one thread per object.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace hyprstream {

using Sha256Digest = std::array<uint8_t, 32>;

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void Update(std::span<const std::byte> bytes);
  /// Ends the hash; the object must not be used afterwards.
  Sha256Digest Finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

/// Tells damage from the bytes that were written, at the speed of memory; no defence against
/// malice. Every single changed 8-byte word changes the sum.
uint64_t FastChecksum(std::span<const std::byte> bytes);

/// Lower-case hexadecimal.
std::string ToHex(std::span<const uint8_t> bytes);
std::string Sha256Hex(std::span<const std::byte> bytes);

}  // namespace hyprstream
