// The load generator.

#include "apps/client/bench.hpp"

#include "apps/client/bench_client.hpp"
#include "apps/client/output.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nlohmann/json.hpp>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

namespace kvs::apps {

namespace {

using clock = std::chrono::steady_clock;

struct named_test {
  std::string_view name;
  bench_kind kind;
};

constexpr std::array<named_test, 3> known_tests{{{"set", bench_kind::set},
                                                 {"get", bench_kind::get},
                                                 {"incr", bench_kind::incr}}};

// Connects and only then makes the socket non-blocking: a bench has nothing
// to do before all its clients are there. Returns -1 with errno set.
int connect_to(const addrinfo& address) {
  const int fd
    = ::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  const int on = 1;
  if (::connect(fd, address.ai_addr, address.ai_addrlen) != 0
      || ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0
      || ::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
    const int error = errno;
    ::close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

std::optional<std::vector<named_test>> parse_tests(std::string_view names) {
  std::vector<named_test> tests;
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    const auto* known
      = std::find_if(known_tests.begin(), known_tests.end(),
                     [&](const named_test& test) { return test.name == name; });
    if (known == known_tests.end())
      return std::nullopt;
    tests.push_back(*known);
  }
  return tests;
}

/// All clients of one test and the loop that serves them.
class bench_loop {
public:
  bench_loop(const bench_options& options, bench_kind kind)
    : options_(options), kind_(kind), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    run_.keyspace = options.keyspace;
    run_.unsent_count = options.request_count;
    run_.received.resize(256 << 10);
    clients_.reserve(options.client_count);
  }

  bench_loop(const bench_loop&) = delete;
  bench_loop& operator=(const bench_loop&) = delete;

  ~bench_loop() {
    ::close(epoll_);
  }

  bool connect_all(const addrinfo& address) {
    for (std::uint32_t i = 0; i < options_.client_count; ++i) {
      const int fd = connect_to(address);
      if (fd < 0) {
        print_error(std::string{"cannot connect: "} + std::strerror(errno));
        return false;
      }
      clients_.emplace_back(
        fd, bench_frames{kind_, options_.pipeline, options_.value_bytes},
        options_.pipeline);
      watch(i, EPOLL_CTL_ADD, EPOLLIN);
    }
    return true;
  }

  /// Returns the seconds it took.
  double work() {
    const auto begin = clock::now();
    for (std::uint32_t i = 0; i < clients_.size(); ++i) {
      clients_[i].begin_batch(run_);
      watch_again(i, false);
    }
    std::array<epoll_event, 256> events;
    while (run_.failure.empty()
           && run_.answered_count < options_.request_count) {
      const int ready = ::epoll_wait(epoll_, events.data(), events.size(), -1);
      if (ready < 0 && errno != EINTR)
        run_.failure = std::string{"waiting failed: "} + std::strerror(errno);
      for (int i = 0; i < ready && run_.failure.empty(); ++i)
        serve(events[static_cast<std::size_t>(i)]);
    }
    return std::chrono::duration<double>(clock::now() - begin).count();
  }

  const bench_run& result() const {
    return run_;
  }

private:
  void serve(const epoll_event& event) {
    const std::uint32_t index = event.data.u32;
    bench_client& served = clients_[index];
    const bool wanted = served.wants_to_write();
    if ((event.events & EPOLLOUT) != 0)
      served.on_writable(run_);
    if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0)
      served.on_readable(run_);
    watch_again(index, wanted);
  }

  // Changes what is waited for only when it has to: that is a system call.
  void watch_again(std::uint32_t index, bool wanted_to_write) {
    const bool wants = clients_[index].wants_to_write();
    if (wants != wanted_to_write)
      watch(index, EPOLL_CTL_MOD, wants ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  void watch(std::uint32_t index, int change, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u32 = index;
    if (::epoll_ctl(epoll_, change, clients_[index].fd(), &event) != 0)
      run_.failure = std::string{"watching failed: "} + std::strerror(errno);
  }

  const bench_options& options_;
  bench_kind kind_;
  int epoll_;
  bench_run run_;
  std::vector<bench_client> clients_;
};

void print_result(const session& node, const named_test& test,
                  const bench_options& options, const bench_run& run,
                  double seconds) {
  const double per_second
    = static_cast<double>(run.answered_count) / std::max(seconds, 1e-9);
  const auto ms
    = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e6; };
  const double p50 = ms(run.latencies.percentile(0.5));
  const double p99 = ms(run.latencies.percentile(0.99));
  const double max = ms(run.latencies.max());
  if (node.json()) {
    print_json({{"test", test.name},
                {"requests", run.answered_count},
                {"seconds", seconds},
                {"requests_per_second", per_second},
                {"p50_ms", p50},
                {"p99_ms", p99},
                {"max_ms", max},
                {"clients", options.client_count},
                {"pipeline", options.pipeline},
                {"value_bytes", options.value_bytes},
                {"keyspace", options.keyspace}});
  } else {
    std::array<char, 160> text{};
    std::snprintf(text.data(), text.size(),
                  "%-5s %11s requests/s   p50 %8.3f ms   p99 %8.3f ms   "
                  "max %8.3f ms",
                  std::string{test.name}.c_str(),
                  grouped(static_cast<std::uint64_t>(per_second)).c_str(), p50,
                  p99, max);
    print_line(text.data());
  }
  flush_output();
}

bool options_make_sense(const bench_options& options) {
  if (options.client_count != 0 && options.pipeline != 0
      && options.request_count != 0 && options.keyspace != 0)
    return true;
  print_error("--clients, --pipeline, --requests and --keyspace must be at "
              "least 1");
  return false;
}

int run_tests(session& node, const bench_options& options,
              const std::vector<named_test>& tests, const addrinfo& address) {
  for (const named_test& test : tests) {
    bench_loop loop{options, test.kind};
    if (!loop.connect_all(address))
      return exit_unreachable;
    const double seconds = loop.work();
    const bench_run& run = loop.result();
    if (!run.failure.empty()) {
      print_error(std::string{test.name} + ": " + run.failure);
      return exit_failed;
    }
    print_result(node, test, options, run, seconds);
  }
  return exit_ok;
}

} // namespace

int run_bench(session& node, const bench_options& options) {
  const auto tests = parse_tests(options.tests);
  if (!tests) {
    print_error("--tests takes set, get and incr with commas between them");
    return exit_usage;
  }
  const auto target = parse_endpoint(node.options().address);
  if (!target) {
    print_error("'" + node.options().address
                + "' is no address; write HOST:PORT");
    return exit_usage;
  }
  if (!options_make_sense(options))
    return exit_usage;
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error
    = ::getaddrinfo(target->host.c_str(), std::to_string(target->port).c_str(),
                    &wanted, &found);
  if (error != 0) {
    print_error("cannot find " + target->host + ": " + ::gai_strerror(error));
    return exit_unreachable;
  }
  const int code = run_tests(node, options, *tests, *found);
  ::freeaddrinfo(found);
  return code;
}

} // namespace kvs::apps
