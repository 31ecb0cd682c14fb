#include "registry/ssh_key.h"

#include <openssl/evp.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/posix_file.h"
#include "registry/base64.h"

namespace hyprstream::registry {
namespace {

constexpr std::string_view kBegin = "-----BEGIN OPENSSH PRIVATE KEY-----";
constexpr std::string_view kEnd = "-----END OPENSSH PRIVATE KEY-----";
constexpr std::string_view kMagic("openssh-key-v1\0", 15);
constexpr std::string_view kKind = "ssh-ed25519";
constexpr size_t kMostText = 64u << 10;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using PrivateKey = std::unique_ptr<EVP_PKEY, FreeKey>;

[[noreturn]] void Refuse(std::string_view found, std::string_view where) {
  throw Error(ErrorCode::kUnauthenticated, {.message = "the key cannot be used",
                                            .expected = "an Ed25519 key of OpenSSH, not encrypted",
                                            .found = std::string(found),
                                            .where = std::string(where)});
}

/// Takes fields off the front of a text: RFC 4251, section 5.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : left_(bytes) {}

  std::optional<uint32_t> Number() {
    if (left_.size() < 4) return {};
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(left_[i]);
    left_.remove_prefix(4);
    return value;
  }
  std::optional<std::string_view> Text() {
    const auto length = Number();
    if (!length || left_.size() < *length) return {};
    const std::string_view text = left_.substr(0, *length);
    left_.remove_prefix(*length);
    return text;
  }

 private:
  std::string_view left_;
};

PrivateKey OpenSecret(const uint8_t* secret) {
  PrivateKey key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, secret, 32));
  HYPR_CHECK(key != nullptr);
  return key;
}

}  // namespace

SshKey SshKey::Parse(std::string_view text, std::string_view where) {
  const size_t begin = text.find(kBegin);
  const size_t end = text.find(kEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) {
    Refuse("something else", where);
  }
  const auto bytes = FromBase64(text.substr(begin + kBegin.size(), end - begin - kBegin.size()));
  if (!bytes || !bytes->starts_with(kMagic)) Refuse("a damaged key", where);
  Fields outer(std::string_view(*bytes).substr(kMagic.size()));
  const auto cipher = outer.Text();
  if (cipher && *cipher != "none") Refuse("an encrypted key", where);
  const auto function = outer.Text();
  const auto options = outer.Text();
  const auto keys = outer.Number();
  const auto open = outer.Text();
  const auto closed = outer.Text();
  if (!cipher || !function || !options || keys != 1u || !open || !closed) {
    Refuse("a damaged key", where);
  }
  Fields inner(*closed);
  const auto check = inner.Number();
  const bool good = check && inner.Number() == check;
  const auto kind = inner.Text();
  if (good && kind && *kind != kKind) Refuse("a key of another kind", where);
  const auto public_half = inner.Text();
  const auto both = inner.Text();
  if (!good || !kind || !public_half || public_half->size() != 32 || !both || both->size() != 64) {
    Refuse("a damaged key", where);
  }
  Half secret, derived;
  std::memcpy(secret.data(), both->data(), secret.size());
  size_t size = derived.size();
  const PrivateKey key = OpenSecret(secret.data());
  HYPR_CHECK(EVP_PKEY_get_raw_public_key(key.get(), derived.data(), &size) == 1);
  if (std::memcmp(derived.data(), public_half->data(), size) != 0) Refuse("a damaged key", where);
  return SshKey(secret, derived);
}

SshKey SshKey::Read(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) internal::FailFile("cannot read the key", path, errno);
  std::string text(kMostText, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(stream.gcount()));
  return Parse(text, path.string());
}

std::string SshKey::PublicText() const {
  std::string blob;
  const auto add = [&](std::string_view field) {
    blob += {0, 0, 0, static_cast<char>(field.size())};
    blob += field;
  };
  add(kKind);
  add({reinterpret_cast<const char*>(public_.data()), public_.size()});
  return Base64(blob);
}

std::string SshKey::Sign(std::string_view message) const {
  const PrivateKey key = OpenSecret(secret_.data());
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  std::string signature(64, '\0');
  size_t size = signature.size();
  HYPR_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  HYPR_CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                            &size, reinterpret_cast<const unsigned char*>(message.data()),
                            message.size()) == 1);
  HYPR_CHECK(size == signature.size());
  return signature;
}

}  // namespace hyprstream::registry
