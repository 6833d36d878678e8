// What the operating system knows of this process.

#pragma once

#include "actors/resp/listener.hpp"

namespace kvs::apps {

actors::resp::process_figures figures_of_this_process();

} // namespace kvs::apps
