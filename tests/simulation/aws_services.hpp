#pragma once

#include <fanfold/testing/simulation.hpp>

#include "testing_aws/faulty_services.hpp"

namespace fanfold::simulation {

/// A table and a bucket that the processes of one world share, and the ledger and globals of AWS over them. Queues are
/// those of the kit. Used by one process at a time.
class AwsServices : public std::enable_shared_from_this<AwsServices> {
 public:
  struct Options {
    bool has_bucket = true;           ///< False: payloads are in the table as well.
    bool tells_what_is_there = true;  ///< False: refused writes answer without the item, as some servers do.
  };
  AwsServices(std::shared_ptr<testing::ManualClock> clock, const Options& options);

  /// As `SimulationOptions::ports`. What it answers keeps this object alive.
  Backend ports(Backend memory, std::optional<testing::FaultyOptions> faults);

 private:
  Options options_;
  std::shared_ptr<testing::ManualClock> clock_;  // Shared with the world.
  testing_aws::ServicesInMemory services_;
};

}  // namespace fanfold::simulation
