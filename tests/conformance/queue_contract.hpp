#pragma once

#include "contract.hpp"

namespace fanfold::conformance {

/// A queue of its own, and what tests of queues do with one.
class QueueContract : public Contract {
 protected:
  QueueContract() : url_(queue().create("q" + fresh_id(), attributes_).value()) {}

  [[nodiscard]] static OutgoingMessage message(const std::string& id) {
    OutgoingMessage message;
    message.content.id = id;
    message.content.body = Json::from_valid_text("\"body of " + id + "\"");
    return message;
  }
  /// What this server lets through of a trace.
  [[nodiscard]] SharedTrace carried(const SharedTrace& trace) const {
    TraceContext kept = *trace;
    if (!capabilities().keeps_trace_headers) kept.aws_header.clear();
    return kept;
  }
  std::string send(const OutgoingMessage& message, const std::string& url) const {
    const auto answers = queue().send(url, std::span(&message, 1)).value();
    EXPECT_EQ(answers.size(), 1U);
    return answers.at(0).value();
  }
  std::string send(const std::string& id) const { return send(message(id), url_); }

  /// Whatever is visible, at most `count`.
  [[nodiscard]] std::vector<Delivery> receive(std::size_t count = 10, milliseconds visibility = 30s,
                                              std::string url = {}) const {
    if (url.empty()) url = url_;
    ReceiveOptions options;
    options.wait = 0ms;
    options.visibility = visibility;
    std::vector<Delivery> all;
    for (std::size_t attempt = 0; attempt < capabilities().receive_tries_max && all.size() < count; ++attempt) {
      options.count_max = std::min(count - all.size(), queue().receive_count_max());
      for (Delivery& delivery : queue().receive(url, options, {}).value()) all.push_back(std::move(delivery));
    }
    return all;
  }
  void remove(const Delivery& delivery, const std::string& url) const {
    for (const auto& answer : queue().remove(url, std::span(&delivery.receipt_handle, 1)).value())
      EXPECT_TRUE(answer.has_value());
  }
  void hide(const Delivery& delivery, milliseconds visibility) const {
    const VisibilityChange change{delivery.receipt_handle, visibility};
    for (const auto& answer : queue().change_visibility(url_, std::span(&change, 1)).value())
      EXPECT_TRUE(answer.has_value());
  }
  [[nodiscard]] std::string fresh_queue(const QueueAttributes& attributes, const std::string& suffix = "") const {
    return queue().create("q" + fresh_id() + suffix, attributes).value();
  }

  QueueAttributes attributes_{};
  std::string url_;
};

}  // namespace fanfold::conformance
