#include "testing/turns.hpp"

#include <utility>

namespace fanfold::testing {

namespace {

/// The semaphore that the actor on this thread waits on; null on other threads.
thread_local std::binary_semaphore* own_turn = nullptr;

}  // namespace

std::size_t Turns::add(std::function<void()> body) {
  Actor& actor = actors_.emplace_back();
  actor.thread = std::thread([this, &actor, body = std::move(body)] { run_body(actor, body); });
  return actors_.size() - 1;
}

bool Turns::give(std::size_t actor) {
  Actor& next = actors_[actor];
  if (next.over) return false;
  next.turn.release();
  given_back_.acquire();
  if (next.thrown) std::rethrow_exception(std::exchange(next.thrown, nullptr));
  return !next.over;
}

void Turns::yield() {
  if (own_turn == nullptr || closing_) return;
  given_back_.release();
  own_turn->acquire();
}

void Turns::close() {
  closing_ = true;
  for (Actor& actor : actors_) {
    if (!actor.over) {
      actor.turn.release();
      given_back_.acquire();
    }
    if (actor.thread.joinable()) actor.thread.join();
  }
}

void Turns::run_body(Actor& actor, const std::function<void()>& body) {
  own_turn = &actor.turn;
  actor.turn.acquire();
  try {
    body();
  } catch (...) {
    actor.thrown = std::current_exception();
  }
  actor.over = true;
  given_back_.release();
}

}  // namespace fanfold::testing
