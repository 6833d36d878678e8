// The progress bar.

#include "apps/client/progress_bar.hpp"

#include "apps/client/output.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace kvs::apps {

namespace {

using namespace std::chrono_literals;

// Often enough to look alive, seldom enough to cost nothing.
constexpr auto draw_pause = 100ms;
constexpr std::size_t bar_width = 30;

} // namespace

progress_bar::progress_bar(std::string verb)
  : verb_(std::move(verb)), on_terminal_(::isatty(STDERR_FILENO) == 1) {
}

progress_bar::~progress_bar() {
  hide();
}

double progress_bar::keys_per_second(std::uint64_t key_count) const {
  const std::chrono::duration<double> took = clock::now() - begin_;
  return static_cast<double>(key_count) / std::max(took.count(), 1e-6);
}

void progress_bar::update(std::uint64_t done, std::uint64_t total,
                          std::uint64_t key_count) {
  if (!on_terminal_ || clock::now() < next_draw_)
    return;
  next_draw_ = clock::now() + draw_pause;
  drawn_ = true;
  std::string line{"\r\x1b[K"};
  if (total != 0) {
    const double share
      = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const auto filled = static_cast<std::size_t>(share * bar_width);
    line += '[' + std::string(filled, '#')
            + std::string(bar_width - filled, '.') + "] "
            + std::to_string(static_cast<int>(share * 100)) + " %  ";
  }
  line += grouped(key_count) + " keys " + verb_ + ", "
          + grouped(static_cast<std::uint64_t>(keys_per_second(key_count)))
          + "/s";
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

void progress_bar::hide() {
  if (drawn_)
    std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
}

void progress_bar::finish(std::uint64_t key_count) {
  hide();
  if (on_terminal_)
    std::fprintf(
      stderr, "%s keys %s, %s/s\n", grouped(key_count).c_str(), verb_.c_str(),
      grouped(static_cast<std::uint64_t>(keys_per_second(key_count))).c_str());
}

} // namespace kvs::apps
