#pragma once

#include "engine/dispatch.hpp"

#include "core/delivery.hpp"

namespace fanfold::engine {

/// Decides which deliveries of one batch may be claimed. Headers are looked up once per cluster and batch. Not
/// thread-safe.
class Admitter {
 public:
  /// All borrowed. `url` is the queue's.
  Admitter(Store& store, const Handlers& handlers, const DispatchOptions& options, std::string_view url, Time now)
      : store_(store), handlers_(handlers), options_(options), url_(url), now_(now) {}

  struct Answer {
    core::Admission admission = core::Admission::claim;
    std::chrono::milliseconds hidden = core::put_back_time;  ///< put_back: for so long.
    bool is_newer = false;                                   ///< put_back: in a format that only a newer fanfold reads.
    std::string_view reason{};                               ///< Where it is not claimed.
  };
  /// Decodes the delivery where it is not decoded yet, and fills in the assignment where the answer is `claim`.
  /// Errors: those of the store; nothing was decided then.
  Result<Answer> admit(Delivery& delivery, Assignment& assignment);

  /// The record that a claim creates where there is none; empty for tasks.
  [[nodiscard]] std::optional<NewMessage> record_for(const Delivery& delivery) const;

 private:
  struct Known {
    std::shared_ptr<const ClusterHeader> header{};
    core::Knowledge knowledge = core::Knowledge::cached;
    const MessageHandler* on_message = nullptr;
  };

  [[nodiscard]] Result<Answer> admit_task(Delivery& delivery, Assignment& assignment);
  [[nodiscard]] Result<Answer> admit_cluster_message(Delivery& delivery, Assignment& assignment);
  [[nodiscard]] Answer admit_message(const MessageHandler* on_message, Assignment& assignment) const;
  [[nodiscard]] Result<Known*> known(const Envelope& content);
  [[nodiscard]] Result<std::shared_ptr<const ClusterHeader>> read_strongly(std::string_view id) const;
  [[nodiscard]] const MessageHandler* message_handler(std::string_view name) const;
  [[nodiscard]] const ClusterHandler* cluster_handler(const Envelope& content, const ClusterHeader& header) const;
  void take_as_bad_input(Delivery& delivery, Assignment& assignment, Error error) const;

  Store& store_;
  const Handlers& handlers_;
  const DispatchOptions& options_;
  std::string_view url_;
  Time now_;
  std::map<std::string, Known, std::less<>> clusters_;
  const std::string* last_id_ = nullptr;  // Neighbours are mostly of one cluster.
  Known* last_ = nullptr;
};

}  // namespace fanfold::engine
