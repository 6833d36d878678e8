/// What CONFIG SET accepts.
#pragma once

#include "actors/resp/settings.hpp"

#include <string>
#include <utility>
#include <vector>

namespace kvs::actors::resp {

/// Sets parameters, named in lower case: all of them, or none and the error is
/// the reply. What a node cannot change may be set to what it is.
/// @pre all are in `settings::parameters`
std::string
set_parameters(settings& changed,
               const std::vector<std::pair<std::string, std::string>>& changes);

} // namespace kvs::actors::resp
