# Zapier and Make catch hooks: the lead as it is, flat enough to be picked from.
#
# This is also the way to a CRM that needs two calls for a lead (Pipedrive: a
# person, then a lead): let the hook's scenario make them.  The event's id goes
# along, so that the scenario can recognise a repeat.  Nothing was ever sent to
# a real hook.
{
  id: $id,
  event: .event,
  received_at: $received_at,
  lead: .data
}
