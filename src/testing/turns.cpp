#include "testing/turns.hpp"

#include "support/assert.hpp"

#include <sys/mman.h>
#include <ucontext.h>

#include <cxxabi.h>

#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#define FANFOLD_STACKS_ARE_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FANFOLD_STACKS_ARE_WATCHED 1
#endif
#endif
#ifdef FANFOLD_STACKS_ARE_WATCHED
#include <sanitizer/common_interface_defs.h>
#endif

namespace __cxxabiv1 {
/// What the C++ runtime knows of exceptions that are in flight or caught; one of them per thread (Itanium C++
/// ABI, 2.2.2).
struct __cxa_eh_globals {  // NOLINT(readability-identifier-naming, bugprone-reserved-identifier)
  void* caught_exceptions;
  unsigned int uncaught_exceptions;
};
}  // namespace __cxxabiv1

namespace fanfold::testing {

namespace {

constexpr std::size_t stack_bytes = 1024 * 1024;  // Of address space; memory is taken as it is used.
constexpr std::size_t guard_bytes = 64 * 1024;    // Below it: who overflows the stack ends there.

class Stack {
 public:
  Stack()
      : begin_(mmap(nullptr, guard_bytes + stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK,
                    -1, 0)) {
    FANFOLD_ASSERT(begin_ != MAP_FAILED, "there is address space for one more stack");
    FANFOLD_ASSERT(mprotect(begin_, guard_bytes, PROT_NONE) == 0, "a page of our own can be protected");
  }
  ~Stack() { munmap(begin_, guard_bytes + stack_bytes); }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  [[nodiscard]] void* bottom() const { return static_cast<char*>(begin_) + guard_bytes; }

 private:
  void* begin_;
};

/// A place that execution can leave and come back to. Exceptions that are caught there stay its own, and the address
/// sanitizer is told whose stack it is on.
struct Place {
  ucontext_t context{};
  __cxxabiv1::__cxa_eh_globals exceptions{};
  void* shadow_stack = nullptr;
  const void* stack_bottom = nullptr;
  std::size_t stack_size = 0;
};

void arrive([[maybe_unused]] Place& at, [[maybe_unused]] Place& from) {
#ifdef FANFOLD_STACKS_ARE_WATCHED
  __sanitizer_finish_switch_fiber(at.shadow_stack, &from.stack_bottom, &from.stack_size);
#endif
}

/// `last` where nobody comes back to `from`.
void go(Place& from, Place& to, [[maybe_unused]] bool last = false) {
  __cxxabiv1::__cxa_eh_globals& exceptions = *__cxxabiv1::__cxa_get_globals();
  from.exceptions = exceptions;
  exceptions = to.exceptions;
#ifdef FANFOLD_STACKS_ARE_WATCHED
  __sanitizer_start_switch_fiber(last ? nullptr : &from.shadow_stack, to.stack_bottom, to.stack_size);
#endif
  swapcontext(&from.context, &to.context);
  arrive(from, to);
}

}  // namespace

struct Turns::Outside {
  Place place{};
};

struct Turns::Actor {
  Turns* turns = nullptr;
  std::function<void()> body{};
  Stack stack{};
  Place place{};
  bool begun = false;
  bool over = false;
  std::exception_ptr thrown{};
};

namespace {

/// Who has its first turn: makecontext(3) passes nothing that could hold a pointer.
thread_local Turns::Actor* entering = nullptr;

}  // namespace

Turns::Turns() : outside_(std::make_unique<Outside>()) {}

Turns::~Turns() { close(); }

std::size_t Turns::add(std::function<void()> body) {
  Actor& actor = *actors_.emplace_back(std::make_unique<Actor>());
  actor.turns = this;
  actor.body = std::move(body);
  actor.place.stack_bottom = actor.stack.bottom();
  actor.place.stack_size = stack_bytes;
  getcontext(&actor.place.context);
  actor.place.context.uc_stack.ss_sp = actor.stack.bottom();
  actor.place.context.uc_stack.ss_size = stack_bytes;
  actor.place.context.uc_link = nullptr;
  makecontext(&actor.place.context, &Turns::enter, 0);
  return actors_.size() - 1;
}

bool Turns::give(std::size_t actor) {
  Actor& next = *actors_[actor];
  if (next.over) return false;
  switch_to(next);
  if (next.thrown) std::rethrow_exception(std::exchange(next.thrown, nullptr));
  return !next.over;
}

void Turns::switch_to(Actor& actor) {
  if (!actor.begun) entering = &actor;
  actor.begun = true;
  running_ = &actor;
  go(outside_->place, actor.place);
  running_ = nullptr;
}

void Turns::yield() {
  if (running_ == nullptr || closing_) return;
  go(running_->place, outside_->place);
}

void Turns::close() {
  closing_ = true;
  for (const auto& actor : actors_) {
    if (actor->begun && !actor->over) switch_to(*actor);
  }
}

void Turns::enter() {
  Actor& actor = *entering;
  arrive(actor.place, actor.turns->outside_->place);
  try {
    actor.body();
  } catch (...) {
    actor.thrown = std::current_exception();
  }
  actor.body = nullptr;
  actor.over = true;
  go(actor.place, actor.turns->outside_->place, true);
}

}  // namespace fanfold::testing
