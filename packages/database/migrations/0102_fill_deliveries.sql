-- expand
-- Most deliveries are written once, when their first request has ended: the room for a second version
-- beside each is not needed any more. Pages already there stay as they are.
alter table delivery.deliveries set (fillfactor = 90);
