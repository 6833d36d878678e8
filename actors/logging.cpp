#include "actors/logging.hpp"

#include <spdlog/spdlog.h>

namespace kvs::actors::logging {

void write(spdlog::level::level_enum level, fmt::string_view format,
           fmt::format_args values) {
  auto* const log = spdlog::default_logger_raw();
  if (log != nullptr && log->should_log(level))
    log->log(level, fmt::vformat(format, values));
}

} // namespace kvs::actors::logging
