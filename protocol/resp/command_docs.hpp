// COMMAND DOCS.

#pragma once

#include "protocol/resp/reply_writer.hpp"

#include <span>
#include <string_view>

namespace kvs::protocol::resp {

/// Replies what `names` do and how they are called; all commands if there are
/// none. Unknown names are left out.
void reply_docs(std::span<const std::string_view> names, reply_writer& reply);

} // namespace kvs::protocol::resp
