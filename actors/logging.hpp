#pragma once

#include <spdlog/common.h>

/// What is reported to the operator: lines `EVENT KEY=VALUE ...`, written by
/// spdlog's default logger (docs/operations.md lists the events). Formatting
/// is compiled once, in logging.cpp: spdlog's own functions would compile all
/// of fmt in each file that reports a line.
namespace kvs::actors::logging {

/// Writes one line, if the default logger wants lines of that level.
/// @throws nothing but std::bad_alloc: spdlog reports its own failures
void write(spdlog::level::level_enum level, fmt::string_view format,
           fmt::format_args values);

template <class... Values>
void debug(fmt::format_string<Values...> format, const Values&... values) {
  write(spdlog::level::debug, format, fmt::make_format_args(values...));
}

template <class... Values>
void info(fmt::format_string<Values...> format, const Values&... values) {
  write(spdlog::level::info, format, fmt::make_format_args(values...));
}

template <class... Values>
void warn(fmt::format_string<Values...> format, const Values&... values) {
  write(spdlog::level::warn, format, fmt::make_format_args(values...));
}

template <class... Values>
void error(fmt::format_string<Values...> format, const Values&... values) {
  write(spdlog::level::err, format, fmt::make_format_args(values...));
}

/// What ends the node.
template <class... Values>
void critical(fmt::format_string<Values...> format, const Values&... values) {
  write(spdlog::level::critical, format, fmt::make_format_args(values...));
}

} // namespace kvs::actors::logging
