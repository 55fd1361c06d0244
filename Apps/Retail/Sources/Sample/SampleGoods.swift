import Console

/// One stock code of the sample's shop: its names and its prices.
struct SampleGoods: Sendable {
    let code: String
    /// The code with a lower-case letter, as some rows have it; `nil` for none.
    let smallCode: String?
    let name: String
    /// Another name that some rows have.
    let otherName: String?
    let listPrice: Int64
    private let salt: UInt64

    init(index: Int, dice: inout SeededDice) {
        let number = 10_000 + index * 23 + dice.below(23)
        let letter = dice.chance(permille: 285) ? dice.pick(["A", "B", "C", "D", "E", "F", "L", "N", "S"]) : ""
        // Rarely the code of goods is not a number.
        code = dice.chance(permille: 3) ? "DCGS\(String(10_000 + index).dropFirst())" : "\(number)\(letter)"
        smallCode = letter.isEmpty || !dice.chance(permille: 90) ? nil : code.lowercased()
        name = Self.name(&dice)
        otherName = dice.chance(permille: 55) ? Self.renamed(name, &dice) : nil
        listPrice = SampleShape.prices.draw(&dice)
        salt = dice.next()
    }

    /// The price in mills: web shop guests pay about double, large quantities cost less, and the list price sometimes
    /// changes for a fortnight.
    func price(on date: InvoiceDate, quantity: Int, isWebShop: Bool) -> Mills {
        var turn = SeededDice(seed: salt ^ UInt64(date.day / 14))
        var price = listPrice
        if turn.chance(permille: 80) { price = price * turn.pick([80, 85, 90, 110, 120]) / 100 }
        if isWebShop { price = price * (price < 5_000 ? 196 : 165) / 100 }
        if !isWebShop, quantity >= 96 { price = price * 83 / 100 }
        return Mills(rawValue: max(10, (price + 5) / 10 * 10))
    }

    func written(_ dice: inout SeededDice) -> String {
        if let otherName, dice.chance(permille: 150) { otherName } else { name }
    }

    private static func name(_ dice: inout SeededDice) -> String {
        let size = dice.pick(["", "", "", "SMALL ", "LARGE ", "MINI ", "SET OF 3 ", "SET/6 ", "PACK OF 12 ", "12\" "])
        let style = dice.pick([
            "RED", "BLUE", "PINK", "IVORY", "CREAM", "GREEN", "WHITE", "VINTAGE", "RETROSPOT", "GINGHAM", "WOODEN",
            "ZINC", "CERAMIC", "HANGING", "ROSE", "WOODLAND", "REGENCY", "SKULL", "UNION JACK", "CAFÉ",
        ])
        let motif = dice.pick([
            "HEART", "STAR", "OWL", "BIRD", "STRAWBERRY", "FAIRY", "POLKADOT", "DAISY", "PAISLEY", "CHERRY",
            "SPACEBOY", "CIRCUS", "DOLLY", "SAVANNAH", "BUTTERFLY", "TEDDY",
        ])
        let thing = dice.pick([
            "T-LIGHT HOLDER", "CAKESTAND", "LUNCH BAG", "BUNTING", "TEACUP AND SAUCER", "DOORMAT", "PHOTO FRAME",
            "HOT WATER BOTTLE", "GIFT TAGS", "CHARLOTTE BAG", "DRAWER KNOB", "LANTERN", "MUG", "APRON", "CANDLE",
            "TIN, ROUND", "JEWELLERY BOX", "CARD HOLDER", "WRAP", "KITCHEN SCALES",
        ])
        // As in the real data, every fifth name ends in a blank.
        return "\(size)\(style) \(motif) \(thing)\(dice.chance(permille: 190) ? " " : "")"
    }

    private static func renamed(_ name: String, _ dice: inout SeededDice) -> String {
        switch dice.below(3) {
        case 0: "\(name)DESIGN"
        case 1: name.split(separator: " ").reversed().joined(separator: " ")
        default: "\(name.split(separator: " ").joined(separator: "  ")) ASSORTED"
        }
    }
}

/// All goods of the sample's shop, with their popularity.
struct SampleCatalogue: Sendable {
    static let codes = 3400

    private let goods: [SampleGoods]
    private let popularity: SampleWeights<Int>

    init(dice: inout SeededDice) {
        var goods: [SampleGoods] = []
        for index in 0..<Self.codes { goods.append(SampleGoods(index: index, dice: &dice)) }
        self.goods = goods
        // Zipf's law with a flat head and a thin tail: 1 % of the codes make 9 % of the rows, 10 % make 45 %.
        var order = Array(0..<Self.codes)
        for index in order.indices.reversed() { order.swapAt(index, dice.below(index + 1)) }
        popularity = SampleWeights(
            order.enumerated().map { rank, index in (index, 1_000_000 * (7000 - rank) / (7 * (rank + 100))) }
        )
    }

    /// Distinct goods, weighted by popularity; slightly fewer than `count` when that is close to ``codes``.
    func draw(_ count: Int, _ dice: inout SeededDice) -> [SampleGoods] {
        var drawnIndices: Set<Int> = []
        var drawn: [SampleGoods] = []
        for _ in 0..<count * 4 where drawn.count < count {
            let index = popularity.draw(&dice)
            if drawnIndices.insert(index).inserted { drawn.append(goods[index]) }
        }
        return drawn
    }

    func one(_ dice: inout SeededDice) -> SampleGoods { goods[popularity.draw(&dice)] }
}
