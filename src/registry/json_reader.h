// Reading the JSON of a server that nobody vouches for: a field of another type counts as absent,
// what must be there is asked for by name. For this layer's own sources only.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "registry/http_client.h"

namespace hyprstream::registry {

inline constexpr size_t kMaxTextBytes = 4096;

/// Errors: kDataLoss naming the address for what is not JSON or nested too deep.
boost::json::value ParseDocument(const HttpResponse& response);
boost::json::value ParseDocument(std::string_view text, std::string_view where);

/// Errors: kDataLoss naming the address.
const boost::json::object& RequiredObject(const boost::json::value& value,
                                          const HttpResponse& response);
const boost::json::array& RequiredArray(const boost::json::value& value,
                                        const HttpResponse& response);
/// Errors: kDataLoss naming the key.
std::string RequiredText(const boost::json::object& object, std::string_view key);

/// Empty when there is none, or when it is longer than kMaxTextBytes.
std::string FindText(const boost::json::object& object, std::string_view key);
std::optional<uint64_t> FindUnsigned(const boost::json::object& object, std::string_view key);
bool FindBool(const boost::json::object& object, std::string_view key);
/// Anything but false, null and absent.
bool IsSet(const boost::json::object& object, std::string_view key);
const boost::json::object* FindObject(const boost::json::object& object, std::string_view key);
const boost::json::array* FindArray(const boost::json::object& object, std::string_view key);

}  // namespace hyprstream::registry
