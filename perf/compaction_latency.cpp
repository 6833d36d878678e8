// How long gets take while compaction runs, and while it does not: the same
// open-loop load of gets and overwrites on two stores, one of which may grow.
// Gets come at half the rate that a closed loop reaches, whether the earlier
// ones were answered or not, and their time counts from when they were due.
// The store runs in this process, without the network, so that the rate is one
// that the store could do twice.
//
//   compaction_latency DIRECTORY [PUTS_PER_SECOND] [SECONDS] [ROUNDS]
//   default: 10000 6 5; DIRECTORY.grows and .compacts must not exist

#include "actors/asio_scheduler.hpp"
#include "actors/store.hpp"
#include "storage/record.hpp"

#include <caf/all.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>

namespace {

using namespace kvs;
using namespace kvs::actors;
using clock_type = std::chrono::steady_clock;

constexpr std::uint32_t key_count = 250'000;
constexpr std::size_t value_bytes = 1000;
constexpr std::uint64_t segment_bytes = 16 * storage::mebibyte;
constexpr std::chrono::microseconds tick{200};

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(
    clock_type::now().time_since_epoch().count());
}

/// Takes answers; the id of a request is the time at which it was due.
class receiver final : public session_actor::base {
public:
  struct results {
    std::vector<std::uint32_t> get_us;
    /// Who has seen it sees what was written before, too.
    std::atomic<std::uint64_t> answered = 0;
  };
  receiver(caf::actor_config& config, std::shared_ptr<results> found)
    : session_actor::base{config}, found_{std::move(found)} {
  }
  behavior_type make_behavior() override {
    return {
      [this](const operations_answered& message) {
        const auto now = now_ns();
        for (const auto& each : message.answers)
          if (each.ref.id != 0)
            found_->get_us.push_back(
              static_cast<std::uint32_t>((now - each.ref.id) / 1000));
        found_->answered += message.answers.size();
      },
      [](const keys_scanned&) {},
      [](const figures_collected&) {},
      [](const transaction_rejected&) {},
    };
  }

private:
  std::shared_ptr<results> found_;
};

class loaded_store {
public:
  loaded_store(const std::string& directory, double space_factor) {
    use_asio_scheduler(config_, 1);
    system_ = std::make_unique<caf::actor_system>(config_);
    store_options options;
    options.directory = directory;
    options.sync = sync_mode::interval;
    options.segment_bytes = segment_bytes;
    options.shard_count = 1;
    options.space_factor = space_factor;
    auto made = spawn_store(*system_, std::move(options));
    if (!made) {
      std::fprintf(stderr, "%s\n", storage::to_string(made.error()).c_str());
      std::exit(74);
    }
    store_ = *std::move(made);
    keys_.reserve(key_count);
    for (std::uint32_t number = 0; number < key_count; ++number) {
      char text[20];
      std::snprintf(text, sizeof(text), "k%015u", number);
      keys_.emplace_back(text);
    }
    begin();
    for (std::uint32_t number = 0; number < key_count; number += 64)
      for (std::uint32_t at = number; at < std::min(number + 64, key_count);
           ++at)
        add_put(at);
    finish();
    overwrite(key_count * 3 / 2);
  }
  ~loaded_store() {
    store_->stop();
  }

  /// Closed loop: gets per second.
  double peak() {
    constexpr std::uint64_t gets = 1'000'000;
    const auto begun = clock_type::now();
    for (std::uint64_t done = 0; done < gets; done += 5'000) {
      begin();
      for (int count = 0; count < 5'000; ++count)
        add_get(now_ns());
      finish();
    }
    return gets
           / std::chrono::duration<double>(clock_type::now() - begun).count();
  }

  /// Sorted microseconds of all gets.
  std::vector<std::uint32_t> measure(double gets_per_second,
                                     double puts_per_second,
                                     std::chrono::seconds span) {
    begin();
    const auto begun = clock_type::now();
    double gets = 0;
    double puts = 0;
    for (auto due = begun; due < begun + span; due += tick) {
      std::this_thread::sleep_until(due);
      const double share = std::chrono::duration<double>(tick).count();
      const auto stamp
        = static_cast<std::uint64_t>(due.time_since_epoch().count());
      for (gets += gets_per_second * share; gets >= 1; --gets)
        add_get(stamp);
      for (puts += puts_per_second * share; puts >= 1; --puts)
        add_put(static_cast<std::uint32_t>(random_() % key_count));
      flush();
    }
    finish();
    auto times = found_->get_us;
    std::sort(times.begin(), times.end());
    return times;
  }

private:
  void overwrite(std::uint32_t count) {
    begin();
    for (std::uint32_t done = 0; done < count; ++done)
      add_put(static_cast<std::uint32_t>(random_() % key_count));
    finish();
  }

  void begin() {
    found_ = std::make_shared<receiver::results>();
    to_ = system_->spawn<receiver>(found_);
    sent_ = 0;
  }
  void finish() {
    flush();
    while (found_->answered < sent_)
      std::this_thread::sleep_for(std::chrono::microseconds{100});
    caf::anon_send_exit(to_, caf::exit_reason::user_shutdown);
  }
  void add_get(std::uint64_t stamp) {
    operation op;
    op.ref.id = stamp;
    op.key = keys_[random_() % key_count];
    op.hash = (*store_->access().hash)(op.key);
    gets_.push_back(op);
  }
  void add_put(std::uint32_t number) {
    operation op;
    op.kind = operation_kind::put;
    op.key = keys_[number];
    op.hash = (*store_->access().hash)(op.key);
    op.value = std::as_bytes(std::span{value_});
    op.value_crc = crc_;
    puts_.push_back(op);
    if (puts_.size() == 1000)
      flush();
  }
  void flush() {
    sent_ += gets_.size() + puts_.size();
    if (!gets_.empty())
      caf_compat::tell_anon(store_->access().shards.front(),
                            read_batch{to_, std::exchange(gets_, {}), {}});
    if (!puts_.empty())
      caf_compat::tell_anon(store_->access().writer,
                            append_batch{to_, std::exchange(puts_, {}), {}});
  }

  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<running_store> store_;
  std::vector<std::string> keys_;
  std::string value_ = std::string(value_bytes, 'v');
  std::uint32_t crc_ = storage::value_checksum(
    std::as_bytes(std::span{value_.data(), value_.size()}));
  std::vector<operation> gets_;
  std::vector<operation> puts_;
  std::mt19937_64 random_{1};
  session_actor to_;
  std::shared_ptr<receiver::results> found_;
  std::uint64_t sent_ = 0;
};

void print(const char* what, const std::vector<std::uint32_t>& times) {
  auto at = [&](double share) {
    return times[static_cast<std::size_t>(static_cast<double>(times.size() - 1)
                                          * share)];
  };
  std::printf("%s: %zu gets, p50 %u us, p99 %u us, p99.9 %u us, max %u us\n",
              what, times.size(), at(0.5), at(0.99), at(0.999), times.back());
  std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("compaction_latency DIRECTORY [PUTS_PER_SECOND] [SECONDS] "
               "[ROUNDS]\n",
               stderr);
    return 64;
  }
  spdlog::set_level(spdlog::level::warn);
  const std::string directory = argv[1];
  const double puts = argc > 2 ? std::strtod(argv[2], nullptr) : 10'000;
  const std::chrono::seconds span{argc > 3 ? std::atoi(argv[3]) : 6};
  const int rounds = argc > 4 ? std::atoi(argv[4]) : 5;
  loaded_store grows{directory + ".grows", 100};
  loaded_store compacts{directory + ".compacts", 1.5};
  const double rate = grows.peak() / 2;
  std::printf("half the peak: %.0f gets per second, with %.0f puts\n", rate,
              puts);
  for (int round = 0; round < rounds; ++round) {
    print("without compaction", grows.measure(rate, puts, span));
    print("with compaction   ", compacts.measure(rate, puts, span));
  }
}
