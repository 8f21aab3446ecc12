"""The pages about databases, and Home."""

from placements.views.acts import cancel, check, newest_plan, plan_again, repair
from placements.views.addresses import connection_env, give_addresses, note_told, take_addresses
from placements.views.detail import placement_detail
from placements.views.hand_over import hand_over
from placements.views.home import home
from placements.views.lists import placement_list
from placements.views.retire import retire
from placements.views.wishes import edit_address, placement_edit, placement_new, preview

__all__ = [
    "cancel",
    "check",
    "connection_env",
    "edit_address",
    "give_addresses",
    "hand_over",
    "home",
    "newest_plan",
    "note_told",
    "placement_detail",
    "placement_edit",
    "placement_list",
    "placement_new",
    "plan_again",
    "preview",
    "repair",
    "retire",
    "take_addresses",
]
