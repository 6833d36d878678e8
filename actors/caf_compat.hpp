/// The one header that knows which CAF it is compiled against: 0.17.6 (Debian
/// 12) to 1.1. Everything else in kvs is written against these names.
#pragma once

#include <caf/all.hpp>
#include <caf/config.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/type_id.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#if CAF_VERSION >= 10000
#include <caf/anon_mail.hpp>
#include <caf/scheduler.hpp>
#endif

/// 0.17.x has no run-time meta objects and spells many names differently.
#define KVS_CAF_LEGACY (CAF_VERSION < 1800)
/// 1.x has the mail API, and schedulers in place of execution units.
#define KVS_CAF_1X (CAF_VERSION >= 10000)

/// Announces a message type. kvs messages never leave the process, so none of
/// them is serializable. Goes into the global namespace.
#define KVS_MESSAGE(type) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(type)

namespace kvs::caf_compat {

// -- signatures of typed actors ----------------------------------------------

/// `rpc<ask>::returns<reply>`: a message and what answers it.
template <class... In>
struct rpc {
#if KVS_CAF_LEGACY
  template <class... Out>
  using returns = typename caf::replies_to<In...>::template with<Out...>;
#else
  template <class... Out>
  using returns = caf::result<Out...>(In...);
#endif
};

/// A message that nothing answers.
#if KVS_CAF_LEGACY
template <class In>
using takes = caf::reacts_to<In>;
#else
template <class In>
using takes = caf::result<void>(In);
#endif

// -- configuration -----------------------------------------------------------

inline std::string option_name(std::string_view name) {
#if KVS_CAF_LEGACY
  return std::string{name};
#else
  return "caf." + std::string{name};
#endif
}

template <class T>
void set_option(caf::actor_system_config& config, std::string_view name,
                T value) {
  config.set(option_name(name), std::move(value));
}

/// Chooses one of CAF's own schedulers: "sharing", "stealing", "testing".
inline void set_policy(caf::actor_system_config& config,
                       [[maybe_unused]] const std::string& policy) {
#if KVS_CAF_LEGACY
  config.set("scheduler.policy", caf::atom_from_string(policy));
#else
  config.set("caf.scheduler.policy", policy);
#endif
}

// -- messaging ---------------------------------------------------------------

template <class Self, class Dest, class Message>
void tell(Self* self, const Dest& dst, Message&& message) {
#if KVS_CAF_1X
  self->mail(std::forward<Message>(message)).send(dst);
#else
  self->send(dst, std::forward<Message>(message));
#endif
}

/// Not cancellable on any version kvs supports: let the message carry what
/// makes a late one recognisable.
template <class Self, class Dest, class Rep, class Period, class Message>
void tell_after(Self* self, const Dest& dst,
                std::chrono::duration<Rep, Period> delay, Message&& message) {
#if KVS_CAF_1X
  self->mail(std::forward<Message>(message)).delay(delay).send(dst);
#else
  self->delayed_send(dst, delay, std::forward<Message>(message));
#endif
}

/// From outside of any actor.
template <class Dest, class Message>
void tell_anon(const Dest& dst, Message&& message) {
#if KVS_CAF_1X
  caf::anon_mail(std::forward<Message>(message)).send(dst);
#else
  caf::anon_send(dst, std::forward<Message>(message));
#endif
}

/// A request without a timeout; the death of `dst` ends the wait. Control
/// paths only: finite timeouts are never cancelled on 0.17.6.
template <class Self, class Dest, class Message>
auto ask(Self* self, const Dest& dst, Message&& message) {
#if KVS_CAF_1X
  return self->mail(std::forward<Message>(message)).request(dst, caf::infinite);
#else
  return self->request(dst, caf::infinite, std::forward<Message>(message));
#endif
}

/// As `ask`, with a timeout. Not for hot paths: 0.17.6 keeps the timer until
/// it fires.
template <class Self, class Dest, class Rep, class Period, class Message>
auto ask_within(Self* self, const Dest& dst,
                std::chrono::duration<Rep, Period> timeout, Message&& message) {
#if KVS_CAF_1X
  return self->mail(std::forward<Message>(message)).request(dst, timeout);
#else
  return self->request(dst, timeout, std::forward<Message>(message));
#endif
}

// -- liveness ----------------------------------------------------------------

/// Sends `note` to `watcher` when `whom` is gone. The callback runs in the
/// dying actor's thread, so it does nothing but send that message.
template <class Whom, class Watcher, class Message>
void watch(const Whom& whom, const Watcher& watcher, Message note) {
  if (auto* ptr = caf::actor_cast<caf::abstract_actor*>(whom)) {
    ptr->attach_functor(
      [watcher, note](const caf::error&) { tell_anon(watcher, note); });
  }
}

/// Calls `then`, on the dying actor's thread, when `whom` is gone.
template <class Whom, class Then>
void on_end(const Whom& whom, Then then) {
  if (auto* ptr = caf::actor_cast<caf::abstract_actor*>(whom))
    ptr->attach_functor([then](const caf::error& why) { then(why); });
}

// -- where an actor runs -----------------------------------------------------

#if KVS_CAF_1X
using execution_base = caf::scheduler;
#else
using execution_base = caf::execution_unit;
#endif

/// An execution context that hands every job to `submit`, which takes over one
/// reference to it.
class job_acceptor : public execution_base {
public:
#if KVS_CAF_1X
  explicit job_acceptor(caf::actor_system&) {
  }
  void schedule(caf::resumable* job) final {
    submit(job);
  }
  void delay(caf::resumable* job) final {
    submit(job);
  }
  void start() final {
  }
  void stop() final {
  }
#else
  explicit job_acceptor(caf::actor_system& system)
    : caf::execution_unit(&system) {
  }
  void exec_later(caf::resumable* job) final {
    submit(job);
  }
#endif
  virtual void submit(caf::resumable* job) = 0;
};

/// Runs nothing itself: what is woken up from here, and pinned nowhere, goes to
/// the scheduler of the actor system.
class scheduler_entrance final : public job_acceptor {
public:
  explicit scheduler_entrance(caf::actor_system& system)
    : job_acceptor{system}, system_{system} {
  }
  void submit(caf::resumable* job) override {
#if KVS_CAF_1X
    system_.scheduler().schedule(job);
#else
    system_.scheduler().enqueue(job);
#endif
  }

private:
  caf::actor_system& system_;
};

using enqueue_result = decltype(std::declval<caf::abstract_actor&>().enqueue(
  std::declval<caf::mailbox_element_ptr>(), std::declval<execution_base*>()));

/// No particular thread: the scheduler of the actor system decides.
inline constexpr execution_base* on_scheduler = nullptr;

/// Base of actors that may be pinned to one thread: with a `loop` they run
/// only there, whoever sends; with nullptr they run where the scheduler of the
/// actor system puts them.
template <class Base>
class pinnable : public Base {
public:
  pinnable(caf::actor_config& config, execution_base* loop)
    : Base(config), loop_(loop) {
  }

  enqueue_result enqueue(caf::mailbox_element_ptr element,
                         execution_base* unit) override {
    return Base::enqueue(std::move(element), loop_ != nullptr ? loop_ : unit);
  }

  void launch(execution_base* unit, bool lazy, bool hide) override {
    Base::launch(loop_ != nullptr ? loop_ : unit, lazy, hide);
  }

private:
  execution_base* loop_;
};

/// Runs a job. True: it wants to run again, and the caller still owns the
/// reference that came with it. False: the reference is given back.
inline bool run_job(caf::resumable* job, execution_base* unit,
                    std::size_t throughput_max) {
  switch (job->resume(unit, throughput_max)) {
    case caf::resumable::resume_later:
      return true;
    case caf::resumable::shutdown_execution_unit:
      return false;
    case caf::resumable::done:
    case caf::resumable::awaiting_message:
      break;
  }
  caf::intrusive_ptr_release(job);
  return false;
}

} // namespace kvs::caf_compat
