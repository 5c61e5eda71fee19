#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <semaphore>
#include <thread>

namespace fanfold::testing {

/// Runs actors by turns: each has a thread, and never do two run at once. So a run depends on nothing but on who gets
/// the turn, and code of any kind, with stacks and thread-locals of its own, can be stopped in its middle and resumed.
/// `add`, `give` and `close` are called by one thread, which is no actor; `yield` by actors.
class Turns {
 public:
  Turns() = default;
  ~Turns() { close(); }
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  /// The answer names the actor. Its body begins at its first turn.
  std::size_t add(std::function<void()> body);

  /// Lets an actor run until it yields or its body returns; false where it has returned. Throws what the body threw.
  bool give(std::size_t actor);

  /// Gives the turn back and waits for the next one. Nothing happens where the caller is no actor, and after `close`.
  void yield();

  /// Every actor runs to its end without yielding. Nothing may be added then.
  void close();

  [[nodiscard]] bool is_closing() const noexcept { return closing_; }

 private:
  struct Actor {
    std::binary_semaphore turn{0};
    bool over = false;
    std::exception_ptr thrown{};
    std::thread thread{};
  };

  void run_body(Actor& actor, const std::function<void()>& body);

  std::deque<Actor> actors_;
  std::binary_semaphore given_back_{0};
  bool closing_ = false;  // Written between turns alone.
};

}  // namespace fanfold::testing
