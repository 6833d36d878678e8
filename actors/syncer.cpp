#include "actors/syncer.hpp"

#include "storage/planted_bugs.hpp"

#include <optional>

namespace kvs::actors {
namespace {

using storage::is_planted;
using storage::planted_bug;

class syncer final : public caf_compat::pinnable<syncer_actor::base> {
public:
  using pinnable::pinnable;

  const char* name() const override {
    return "kvs.syncer";
  }

  behavior_type make_behavior() override {
    return {[this](const sync_up_to& request) { return sync(request); }};
  }

private:
  log_synced sync(const sync_up_to& request) {
    for (const auto& each : request.segments) {
      if (failed_)
        break;
      if (is_planted(planted_bug::skip_log_sync))
        break;
      auto done = each->shared_file()->sync();
      if (!done && is_planted(planted_bug::retry_sync))
        done = each->shared_file()->sync();
      if (!done)
        failed_ = to_failure(done.error());
    }
    return {failed_.value_or(failure{}), request.end, request.sequence};
  }

  std::optional<failure> failed_;
};

} // namespace

syncer_actor spawn_syncer(caf::actor_system& system,
                          caf_compat::execution_base* thread) {
  return system.spawn<syncer>(thread);
}

} // namespace kvs::actors
