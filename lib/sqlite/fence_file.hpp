// The highest fence of an account, in its lock file: what a database that was put back does not know.
// Private to this room.
#pragma once

#include <string>

#include "tradeguard/sql_store.hpp"

namespace tradeguard {

// What the file says. Nothing in it at all is not `missing`: earlier versions wrote nothing.
FenceWitness read_fence_file(int descriptor, bool just_made);
// Durable when it returns. Written beside the fence before it, so that a write that is torn by a power
// loss leaves that one.
Result<void> write_fence_file(int descriptor, const std::string& path, Fence fence);

}  // namespace tradeguard
