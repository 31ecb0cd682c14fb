// Room that the store keeps for itself, so that a full disk can be looked at and made room on: a
// catalogue is not even read without some. A file of no meaning, given up when the disk is full and
// taken again when there is room.
#pragma once

namespace hyprstream::registry {

/// In the folder of models. Does nothing where there is no room, or nothing may be written.
void TakeReserve(int models);

/// False when there was none to give up.
bool GiveUpReserve(int models);

}  // namespace hyprstream::registry
