#pragma once

#include "backends/aws/object_store.hpp"
#include "backends/aws/table.hpp"

#include <fanfold/ports/clock.hpp>

/// What fanfold's promises rest on, tried once on a server that is not AWS's own: one that writes whatever the
/// condition says loses globals and counts tasks twice without any error.
namespace fanfold::aws {

/// What is wrong, in words for whoever runs set-up; empty where all is as the service documents it.
using Flaw = std::string;

/// Writes one object several times under conditions, and removes it. `flaw` of a store that ignores them.
/// Errors: those of the calls; a store that refuses conditional writes altogether.
[[nodiscard]] Result<Flaw> try_conditional_objects(ObjectStore& objects, const std::string& bucket);
/// Whether an object comes back with its metadata, byte by byte.
[[nodiscard]] Result<Flaw> try_metadata(ObjectStore& objects, const std::string& bucket);
/// Writes one item several times under conditions, and removes it.
[[nodiscard]] Result<Flaw> try_conditional_items(Table& table, Time now);
/// Whether a transaction with one condition that does not hold writes nothing.
[[nodiscard]] Result<Flaw> try_transactions(Table& table, Time now);

}  // namespace fanfold::aws
