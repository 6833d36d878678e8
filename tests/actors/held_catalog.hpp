#pragma once

#include "actors/catalog.hpp"

#include <deque>
#include <memory>
#include <utility>

namespace kvs::actors {

/// Edits of the MANIFEST that wait until the test lets them happen.
struct held_edits {
  using promise = caf::typed_response_promise<catalog_updated>;

  bool hold_seals = false;
  bool hold_flushes = false;
  std::deque<std::pair<seal_segment, promise>> seals;
  std::deque<std::pair<record_flush, promise>> flushes;
};

/// Lets the edit that was held longest happen, or fail without an effect.
struct release_seal {
  bool success = true;
};
struct release_flush {};

using held_catalog_actor
  = catalog_actor::extend<caf_compat::takes<release_seal>,
                          caf_compat::takes<release_flush>>;

} // namespace kvs::actors

KVS_MESSAGE(kvs::actors::release_seal)
KVS_MESSAGE(kvs::actors::release_flush)

namespace kvs::actors {

/// Stands between the WRITER and the CATALOG and passes on what is not held.
class held_catalog final : public held_catalog_actor::base {
public:
  held_catalog(caf::actor_config& config, std::shared_ptr<held_edits> held,
               catalog_actor real)
    : held_catalog_actor::base{config}, held_{std::move(held)}, real_{std::move(
                                                                  real)} {
  }

  behavior_type make_behavior() override {
    return {
      [this](const persist_time& edit) { return pass<time_persisted>(edit); },
      [this](const create_segment& edit) {
        return pass<segment_created>(edit);
      },
      [this](const seal_segment& edit) {
        return keep_or_pass(edit, held_->hold_seals, held_->seals);
      },
      [this](const allocate_segment_id& edit) {
        return pass<segment_id_allocated>(edit);
      },
      [this](const install_segment& edit) {
        return pass<catalog_updated>(edit);
      },
      [this](const retire_segments& edit) {
        return pass<catalog_updated>(edit);
      },
      [this](const record_flush& edit) {
        return keep_or_pass(edit, held_->hold_flushes, held_->flushes);
      },
      [this](const hold_segments& edit) { return pass<segments_held>(edit); },
      [this](const list_held& edit) { return pass<held_listed>(edit); },
      [this](const release_segments& edit) {
        caf_compat::tell(this, real_, edit);
      },
      [this](const stop_catalog&) { quit(); },
      [this](const release_seal& how) { release(held_->seals, how.success); },
      [this](const release_flush&) { release(held_->flushes, true); },
    };
  }

  void on_exit() override {
    real_ = nullptr;
  }

private:
  template <class Reply, class Edit>
  caf::result<Reply> pass(const Edit& edit) {
    auto promise = make_response_promise<Reply>();
    pass_to(promise, edit);
    return promise;
  }

  template <class Reply, class Edit>
  void pass_to(caf::typed_response_promise<Reply> promise, const Edit& edit) {
    caf_compat::ask(this, real_, edit)
      .then([promise](const Reply& reply) mutable { promise.deliver(reply); });
  }

  template <class Edit, class Queue>
  caf::result<catalog_updated> keep_or_pass(const Edit& edit, bool hold,
                                            Queue& queue) {
    if (!hold)
      return pass<catalog_updated>(edit);
    auto promise = make_response_promise<catalog_updated>();
    queue.emplace_back(edit, promise);
    return promise;
  }

  template <class Queue>
  void release(Queue& queue, bool success) {
    auto [edit, promise] = queue.front();
    queue.pop_front();
    if (success)
      return pass_to(promise, edit);
    promise.deliver(
      catalog_updated{make_failure(outcome::no_space, "held back"), false});
  }

  std::shared_ptr<held_edits> held_;
  catalog_actor real_;
};

} // namespace kvs::actors
