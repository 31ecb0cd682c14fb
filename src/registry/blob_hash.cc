#include "registry/blob_hash.h"

#include <openssl/evp.h>

#include <array>

#include "base/error.h"

namespace hyprstream::registry {

struct BlobHash::Sha1 {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~Sha1() { EVP_MD_CTX_free(context); }
  void Update(const void* bytes, size_t size) {
    HYPR_CHECK(EVP_DigestUpdate(context, bytes, size) == 1);
  }
};

BlobHash::BlobHash(uint64_t size, Git git) {
  if (git == Git::kNo) return;
  sha1_ = std::make_unique<Sha1>();
  HYPR_CHECK(EVP_DigestInit_ex(sha1_->context, EVP_sha1(), nullptr) == 1);
  const std::string header = "blob " + std::to_string(size);
  sha1_->Update(header.c_str(), header.size() + 1);  // with its zero
}

BlobHash::~BlobHash() = default;

void BlobHash::Update(std::span<const std::byte> bytes) {
  sha256_.Update(bytes);
  if (sha1_) sha1_->Update(bytes.data(), bytes.size());
}

BlobNames BlobHash::Finish() {
  BlobNames names{.sha256 = ToHex(sha256_.Finish()), .git_sha1 = {}};
  if (sha1_) {
    std::array<uint8_t, 20> digest;
    HYPR_CHECK(EVP_DigestFinal_ex(sha1_->context, digest.data(), nullptr) == 1);
    names.git_sha1 = ToHex(digest);
  }
  return names;
}

}  // namespace hyprstream::registry
