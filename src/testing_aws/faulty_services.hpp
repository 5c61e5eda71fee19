#pragma once

#include "testing/faulty_process.hpp"
#include "testing_aws/late_writes.hpp"
#include "testing_aws/memory_objects.hpp"
#include "testing_aws/memory_table.hpp"

namespace fanfold::testing_aws {

/// What every process of one world shares.
struct ServicesInMemory {
  MemoryTable table;
  MemoryObjects objects{};
  LateWrites late{};
};

/// A table as one process meets it: over a network and from a service that have the faults of that process. What one
/// call asks for goes out in any order, some of it fails, others come in between; a request whose answer did not come
/// is sent again, as the client of the real table does, or given up.
[[nodiscard]] std::unique_ptr<aws::Table> make_faulty_table(ServicesInMemory& services,
                                                            std::shared_ptr<testing::FaultyProcess> process);
/// The same for a bucket. `services` is borrowed by both.
[[nodiscard]] std::unique_ptr<aws::ObjectStore> make_faulty_objects(ServicesInMemory& services,
                                                                    std::shared_ptr<testing::FaultyProcess> process);

}  // namespace fanfold::testing_aws
