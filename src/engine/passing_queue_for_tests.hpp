#pragma once

#include <fanfold/ports/queue.hpp>

#include <memory>

namespace fanfold::engine {

/// Passes everything on to another queue; tests derive from it.
class PassingQueue : public Queue {
 public:
  explicit PassingQueue(std::unique_ptr<Queue> inner) : inner_(std::move(inner)) {}

  [[nodiscard]] std::size_t receive_count_max() const override { return inner_->receive_count_max(); }
  [[nodiscard]] bool may_receive_after_stop() const override { return inner_->may_receive_after_stop(); }
  Result<std::string> resolve(std::string_view name) override { return inner_->resolve(name); }
  Result<std::string> create(std::string_view name, const QueueAttributes& attributes) override {
    return inner_->create(name, attributes);
  }
  Result<QueueAttributes> attributes(std::string_view url) override { return inner_->attributes(url); }
  Result<QueueCounts> counts(std::string_view url) override { return inner_->counts(url); }
  Result<std::vector<std::string>> list() override { return inner_->list(); }
  Result<std::vector<Delivery>> receive(std::string_view url, const ReceiveOptions& options,
                                        std::stop_token stop) override {
    return inner_->receive(url, options, std::move(stop));
  }
  std::vector<Result<void>> fetch_payloads(std::span<Delivery> deliveries) override {
    return inner_->fetch_payloads(deliveries);
  }
  Result<std::vector<Result<std::string>>> send(std::string_view url,
                                                std::span<const OutgoingMessage> messages) override {
    return inner_->send(url, messages);
  }
  Result<std::vector<TaskRefused>> send_tasks(std::string_view url, const TaskRangeMessage& range,
                                              std::span<const TaskMessage> tasks) override {
    return inner_->send_tasks(url, range, tasks);
  }
  Result<std::vector<Result<void>>> remove(std::string_view url, std::span<const std::string> receipts) override {
    return inner_->remove(url, receipts);
  }
  Result<std::vector<Result<void>>> change_visibility(std::string_view url,
                                                      std::span<const VisibilityChange> changes) override {
    return inner_->change_visibility(url, changes);
  }
  Result<std::uint64_t> purge(std::string_view url) override { return inner_->purge(url); }
  Result<std::uint64_t> redrive(std::string_view url) override { return inner_->redrive(url); }

 private:
  std::unique_ptr<Queue> inner_;
};

}  // namespace fanfold::engine
