#include "registry/base64.h"

#include <openssl/evp.h>

namespace hyprstream::registry {

std::string Base64(std::string_view bytes) {
  // OpenSSL ends the text with a zero byte.
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(length));
  return text;
}

}  // namespace hyprstream::registry
