-- expand
-- Writer of both tables: webhook-dispatcher alone. Kind 5: a test event, asked for by a person. It
-- belongs to no lead and no batch; both columns hold an id that no lead and no batch has (its own,
-- and its tenant's). The scheduler never sees one.
alter table delivery.deliveries
  drop constraint deliveries_wake_kind_check,
  add constraint deliveries_wake_kind_check check (wake_kind between 0 and 5);
alter table delivery.attempts
  drop constraint attempts_kind_check,
  add constraint attempts_kind_check check (kind between 0 and 5);
