/// One stock code of the sample's shop: what it is called and what it costs, to whom and when.
struct SampleGoods: Sendable {
    let code: String
    /// Some tills write the code's letter small; `nil` where all write it alike.
    let smallCode: String?
    let name: String
    /// Another name that some rows have.
    let otherName: String?
    let listPrice: Int64
    private let salt: UInt64

    init(place: Int, dice: inout SampleDice) {
        let number = 10_000 + place * 23 + dice.below(23)
        let letter = dice.chance(permille: 285) ? dice.pick(["A", "B", "C", "D", "E", "F", "L", "N", "S"]) : ""
        // Now and then a code is not a number at all, and is goods none the less.
        code = dice.chance(permille: 3) ? "DCGS\(String(10_000 + place).dropFirst())" : "\(number)\(letter)"
        smallCode = letter.isEmpty || !dice.chance(permille: 90) ? nil : code.lowercased()
        name = Self.name(&dice)
        otherName = dice.chance(permille: 55) ? Self.renamed(name, &dice) : nil
        listPrice = SampleShape.prices.draw(&dice)
        salt = dice.next()
    }

    /// The price in mills: guests of the dear web shop pay about double, large quantities cost less, and the list
    /// changes for a fortnight now and then.
    func price(on date: InvoiceDate, quantity: Int, isWebShop: Bool) -> Mills {
        var turn = SampleDice(seed: salt ^ UInt64(date.day / 14))
        var price = listPrice
        if turn.chance(permille: 80) { price = price * turn.pick([80, 85, 90, 110, 120]) / 100 }
        if isWebShop { price = price * (price < 5_000 ? 196 : 165) / 100 }
        if !isWebShop, quantity >= 96 { price = price * 83 / 100 }
        return Mills(rawValue: max(10, (price + 5) / 10 * 10))
    }

    func written(_ dice: inout SampleDice) -> String {
        if let otherName, dice.chance(permille: 150) { otherName } else { name }
    }

    private static func name(_ dice: inout SampleDice) -> String {
        let size = dice.pick(["", "", "", "SMALL ", "LARGE ", "MINI ", "SET OF 3 ", "SET/6 ", "PACK OF 12 ", "12\" "])
        let look = dice.pick([
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
        // Every fifth name ends in a blank, as real ones do.
        return "\(size)\(look) \(motif) \(thing)\(dice.chance(permille: 190) ? " " : "")"
    }

    private static func renamed(_ name: String, _ dice: inout SampleDice) -> String {
        switch dice.below(3) {
        case 0: "\(name)DESIGN"
        case 1: name.split(separator: " ").reversed().joined(separator: " ")
        default: "\(name.split(separator: " ").joined(separator: "  ")) ASSORTED"
        }
    }
}

/// All goods of the sample's shop, some bought much more often than others.
struct SampleShelf: Sendable {
    static let codes = 3400

    private let goods: [SampleGoods]
    private let popularity: SampleWeights<Int>

    init(dice: inout SampleDice) {
        var goods: [SampleGoods] = []
        for place in 0..<Self.codes { goods.append(SampleGoods(place: place, dice: &dice)) }
        self.goods = goods
        // Zipf's law with a flat head and a thin tail: 1 % of the codes make 9 % of the rows, 10 % make 45 %.
        var places = Array(0..<Self.codes)
        for index in places.indices.reversed() { places.swapAt(index, dice.below(index + 1)) }
        popularity = SampleWeights(
            places.enumerated().map { rank, place in (place, 1_000_000 * (7000 - rank) / (7 * (rank + 100))) }
        )
    }

    /// Different goods, the popular ones more often; a little fewer than `count` when that comes near to all.
    func draw(_ count: Int, _ dice: inout SampleDice) -> [SampleGoods] {
        var seen: Set<Int> = []
        var drawn: [SampleGoods] = []
        for _ in 0..<count * 4 where drawn.count < count {
            let place = popularity.draw(&dice)
            if seen.insert(place).inserted { drawn.append(goods[place]) }
        }
        return drawn
    }

    func one(_ dice: inout SampleDice) -> SampleGoods { goods[popularity.draw(&dice)] }
}
