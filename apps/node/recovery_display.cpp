#include "apps/node/recovery_display.hpp"

#include "actors/logging.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace kvs::apps {
namespace {

namespace logging = actors::logging;

constexpr std::chrono::milliseconds bar_period{100};
constexpr std::chrono::seconds line_period{5};
constexpr int bar_width = 40;

double percent_of(const storage::recovery_progress& now) {
  if (now.bytes_total == 0)
    return 100.0;
  return 100.0 * static_cast<double>(now.bytes_done)
         / static_cast<double>(now.bytes_total);
}

} // namespace

recovery_display::recovery_display() : on_terminal_{isatty(2) == 1} {
}

recovery_display::recovery_display(const char* doing) : recovery_display{} {
  doing_ = doing;
  logs_ = false;
}

void recovery_display::update(const storage::recovery_progress& now) {
  auto time = clock::now();
  if (time < next_)
    return;
  auto percent = std::min(percent_of(now), 100.0);
  if (!on_terminal_) {
    next_ = time + line_period;
    if (logs_)
      logging::info("store.recovering percent={:.1f} records={}", percent,
                    now.records);
    return;
  }
  next_ = time + bar_period;
  drawn_ = true;
  auto filled = static_cast<std::size_t>(percent * bar_width / 100.0);
  std::string bar(filled, '#');
  bar.resize(bar_width, '.');
  std::fprintf(stderr, "\r%s [%s] %5.1f %%  %llu records", doing_, bar.c_str(),
               percent, static_cast<unsigned long long>(now.records));
  std::fflush(stderr);
}

void recovery_display::finish() {
  if (drawn_)
    std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

} // namespace kvs::apps
