/// The products that `martlet import` imports and the actions that `martlet replay` sends: a pure function of the file.
struct InvoicePlan: Sendable {
    /// By SKU.
    let products: [PlannedProduct]
    /// In file order.
    let actions: [PlannedAction]
    /// The expected state of the shop at the end, with full stock.
    let figures: InvoiceFigures

    /// Reads a file and plans its actions.
    ///
    /// - Parameter limit: The number of distinct invoice numbers to read, of every kind; `nil` for all.
    /// - Throws: ``InvoiceFault``.
    init(path: String, first limit: Int?) throws {
        try self.init(invoices: InvoiceFile(path: path).invoices(first: limit), file: path)
    }

    /// - Parameter file: Named in faults.
    /// - Throws: ``InvoiceFault`` when an invoice exceeds a limit.
    init(invoices: [Invoice], file: String) throws(InvoiceFault) {
        var planner = InvoicePlanner(file: file)
        var catalogue = PlanCatalogue()
        for invoice in invoices {
            try planner.add(invoice)
            catalogue.add(invoice)
        }
        actions = planner.actions
        figures = planner.finalFigures()
        products = catalogue.products(stock: figures.skus)
    }
}
