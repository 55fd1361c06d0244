/// The rules for reading the invoices; `Scripts/expected-figures` has the same text, and a test compares the two.
///
/// Codes. A stock code is taken as it is written, without surrounding blanks; letter case counts. It names goods when
/// it starts with five digits or with DCGS; every other code (POST, DOT, M, C2, S, D, BANK CHARGES, AMAZONFEE, PADS,
/// gift_0001_20 ...) is a service, which has no stock.
///
/// Invoices. An invoice is all rows with its number; it stands where its first row stands, and its first row gives
/// its customer, date and country. It is a cancellation when its number starts with C, an adjustment when its number
/// starts with neither C nor a digit, otherwise a sale when at least one row has quantity > 0 and price > 0.
///
/// Rows. Each row is exactly one of these, tried from the top:
///   adjustment             the invoice is an adjustment, or the price is below zero   counted only
///   empty                  quantity 0                                                 counted only
///   cancelled_goods        in a cancellation, quantity < 0, goods                     return or credit note
///   cancelled_service      in a cancellation, quantity < 0, a service                 return or credit note
///   misplaced              in a cancellation, quantity > 0                            counted only
///   stock_loss             quantity < 0, goods                                        correction
///   service_note           quantity < 0, a service                                    counted only
///   goods_sale             price > 0, goods                                           order line
///   service_sale           price > 0, a service                                       order line
///   free_goods             price 0, goods, in a sale                                  order line
///   free_service           price 0, a service, in a sale                              order line
///   stock_found            price 0, goods, in no sale                                 correction
///   service_note           price 0, a service, in no sale                             counted only
///
/// Orders. A sale is one order; its sale and free rows are its lines, in file order, never merged, each at the row's
/// price. Its total is round_half_even(sum of quantity * price) in pence: an order rounds once.
///
/// Corrections. A stock_loss row takes its units off the stock, a stock_found row adds them, row by row.
///
/// Cancellations, in file order, row by row. A row without a customer matches nothing. Otherwise it takes units from
/// lines of that customer's orders that stand earlier in the file, have its stock code, a price above zero, and units
/// that were not yet returned:
///   first  from lines at the row's own price, the newest order first, within an order the first line first;
///   then, for goods only, from lines at any other price, in the same sequence.
/// What the rows of one cancellation take from one order is one return; its lines are the order's lines. Units of
/// goods that are returned go back to the stock. What is left of the rows of one cancellation is one credit note, at
/// the rows' own prices; it moves neither stock nor captured money.
///
/// Refunds. A returned unit is worth what its order line sold it for. A return refunds round_half_even(value of all
/// units of the order returned so far, with this return) - what was refunded before. So the sequence of an order's
/// returns does not change their sum, and an order that is returned whole is refunded whole.
///
/// Opening stock of a code, when stock is full: the units of all its order lines and of all its stock_loss rows, so
/// that nothing can run short in any sequence. At the end: opening - sold + returned + corrected = on hand.
enum InvoiceRules {}
