// Addresses on the web: put together, compared, resolved, and shown without their secrets. Values.
#pragma once

#include <string>
#include <string_view>

namespace hyprstream::registry {

/// Percent-encodes everything but letters, digits and - . _ ~ (RFC 3986, 2.3).
std::string PercentEncode(std::string_view text);
/// The same for each part of a path; slashes stay.
std::string PercentEncodePath(std::string_view path);

struct Origin {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case
  std::string port;    // always given
  bool operator==(const Origin&) const = default;
};

/// Errors: kInvalidArgument for what is not an absolute http or https address, for one with a user
/// or password, and for one with control characters.
Origin OriginOf(std::string_view url);

/// `reference` as seen from `base`: relative ones are completed. Errors: kDataLoss when it is no
/// http or https address.
std::string ResolveUrl(std::string_view base, std::string_view reference);

/// Whether a Location leads away from the server's own address by naming a scheme or a host.
bool IsAbsolute(std::string_view reference);

/// For messages: without the query and fragment, which carry signatures, and without control
/// characters.
std::string ShownUrl(std::string_view url);

}  // namespace hyprstream::registry
