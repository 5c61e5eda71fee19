#pragma once

#include <fanfold/ports/queue.hpp>

#include <algorithm>
#include <deque>
#include <iterator>
#include <vector>

namespace fanfold::worker {

/// First in, first out, in the pieces in which deliveries arrive: a piece that is wanted whole is handed on without
/// touching its elements. Not thread-safe.
class DeliveryQueue {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  void push(std::vector<Delivery> deliveries) {
    if (deliveries.empty()) return;
    size_ += deliveries.size();
    pieces_.push_back(std::move(deliveries));
  }
  void push(Delivery delivery) {
    std::vector<Delivery> one;
    one.push_back(std::move(delivery));
    push(std::move(one));
  }

  /// The first `count`, or all where there are fewer.
  [[nodiscard]] std::vector<Delivery> take(std::size_t count) {
    count = std::min(count, size_);
    size_ -= count;
    std::vector<Delivery> taken;
    while (taken.size() < count) {
      std::vector<Delivery>& piece = pieces_.front();
      const std::size_t part = std::min(count - taken.size(), piece.size() - offset_);
      const bool used_up = offset_ + part == piece.size();
      if (taken.empty() && offset_ == 0 && part == piece.size()) {
        taken = std::move(piece);
      } else {
        taken.reserve(count);
        const auto first = piece.begin() + static_cast<std::ptrdiff_t>(offset_);
        std::move(first, first + static_cast<std::ptrdiff_t>(part), std::back_inserter(taken));
      }
      offset_ += part;
      if (used_up) {
        pieces_.pop_front();
        offset_ = 0;
      }
    }
    return taken;
  }
  [[nodiscard]] std::vector<Delivery> take_all() { return take(size_); }

  template <class Visit>
  void for_each(Visit visit) {
    std::size_t offset = offset_;
    for (std::vector<Delivery>& piece : pieces_) {
      for (; offset < piece.size(); ++offset) visit(piece[offset]);
      offset = 0;
    }
  }

 private:
  std::deque<std::vector<Delivery>> pieces_;
  std::size_t offset_ = 0;  // Of the first piece's first element that is not taken.
  std::size_t size_ = 0;
};

}  // namespace fanfold::worker
