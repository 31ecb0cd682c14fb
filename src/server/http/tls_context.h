// The server's side of TLS as configured. For the sources of this folder that drive connections.
#pragma once

#include <boost/asio/ssl/context.hpp>

#include "server/http/http_server.h"

namespace hyprstream::server {

/// Errors: kInvalidArgument naming the file that cannot be used and why.
boost::asio::ssl::context MakeTlsContext(const TlsOptions& options);

}  // namespace hyprstream::server
