#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <memory>

namespace fanfold::testing {

/// Runs actors by turns on one thread: each has a stack of its own, and runs until it yields. So a run depends on
/// nothing but on who gets the turn, and code of any kind can be left in its middle and resumed. Thread-locals are
/// shared by all actors. Everything is called by one and the same thread: `add`, `give` and `close` from outside of the
/// actors, `yield` by actors.
class Turns {
 public:
  struct Actor;  // Opaque.

  Turns();
  ~Turns();
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  /// The answer names the actor. Its body begins at its first turn.
  std::size_t add(std::function<void()> body);

  /// Lets an actor run until it yields or its body returns; false where it has returned. Throws what the body threw.
  bool give(std::size_t actor);

  /// Gives the turn back and waits for the next one. Nothing happens where no actor runs, and after `close`.
  void yield();

  /// Every actor that has begun runs to its end without yielding; the others never begin. Nothing may be added then.
  void close();

  [[nodiscard]] bool is_closing() const noexcept { return closing_; }

 private:
  struct Outside;

  static void enter();
  void switch_to(Actor& actor);

  std::unique_ptr<Outside> outside_;
  std::deque<std::unique_ptr<Actor>> actors_;
  Actor* running_ = nullptr;
  bool closing_ = false;
};

}  // namespace fanfold::testing
