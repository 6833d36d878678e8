#include "actors/paced_function.hpp"

#include <boost/context/fiber.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>

#include <exception>
#include <utility>

namespace kvs::actors {
namespace {

/// Handlers of commands call a few functions and keep their bytes elsewhere.
constexpr std::size_t stack_bytes = 128 * 1024;

} // namespace

struct paced_function::state {
  body what;
  bool ended = false;
  std::exception_ptr error;
  protocol::pacer pace{[this] { caller = std::move(caller).resume(); }};
  /// Whoever called `step`, while the function runs.
  boost::context::fiber caller;
  /// The function, while it does not. Unwound before all else goes.
  boost::context::fiber function;

  boost::context::fiber run(boost::context::fiber from) {
    caller = std::move(from);
    try {
      what(pace);
    } catch (const boost::context::detail::forced_unwind&) {
      // This object goes: nobody waits for the end.
      throw;
    } catch (...) {
      error = std::current_exception();
    }
    ended = true;
    return std::move(caller);
  }
};

paced_function::paced_function(body what) : state_{std::make_unique<state>()} {
  state_->what = std::move(what);
  state_->function = boost::context::fiber{
    std::allocator_arg, boost::context::protected_fixedsize_stack{stack_bytes},
    [self = state_.get()](boost::context::fiber&& from) {
      return self->run(std::move(from));
    }};
}

paced_function::~paced_function() = default;

bool paced_function::step() {
  state_->function = std::move(state_->function).resume();
  if (state_->error)
    std::rethrow_exception(std::exchange(state_->error, nullptr));
  return state_->ended;
}

} // namespace kvs::actors
