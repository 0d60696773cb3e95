"""Names of states, provinces, countries and large cities in caller-ID names. Folded: lower case, no accents."""

from collections.abc import Mapping
from typing import Final

from leadline_server.domain.word_lists import listed


def _coded(*lines: str) -> dict[str, str]:
    pairs = (entry.split("=") for line in lines for entry in line.split("|"))
    return {name: code for code, names in pairs for name in names.split("/")}


STATES: Final[Mapping[str, str]] = _coded(
    "AL=alabama|AK=alaska|AZ=arizona|AR=arkansas|CA=california/calif|CO=colorado|CT=connecticut|DE=delaware",
    "FL=florida|GA=georgia|HI=hawaii|ID=idaho|IL=illinois|IN=indiana|IA=iowa|KS=kansas|KY=kentucky|LA=louisiana",
    "ME=maine|MD=maryland|MA=massachusetts|MI=michigan|MN=minnesota|MS=mississippi|MO=missouri|MT=montana",
    "NE=nebraska|NV=nevada|NH=new hampshire|NJ=new jersey|NM=new mexico|NY=new york|NC=north carolina",
    "ND=north dakota|OH=ohio|OK=oklahoma|OR=oregon|PA=pennsylvania|RI=rhode island|SC=south carolina",
    "SD=south dakota|TN=tennessee|TX=texas|UT=utah|VT=vermont|VA=virginia|WA=washington/washington state",
    "WV=west virginia|WI=wisconsin|WY=wyoming|DC=district of columbia/washington d c/washington dc",
    "PR=puerto rico|GU=guam|AB=alberta|BC=british columbia|MB=manitoba|NB=new brunswick/nouveau brunswick",
    "NL=newfoundland/newfoundland and labrador|NS=nova scotia/nouvelle ecosse|ON=ontario",
    "PE=prince edward island/ile du prince edouard|QC=quebec|SK=saskatchewan|NU=nunavut|YT=yukon",
    "NT=northwest territories",
    "MX=aguascalientes/baja california/baja california sur/chiapas/chihuahua/coahuila/colima/durango/guanajuato"
    "/guerrero/hidalgo/jalisco/estado de mexico/michoacan/morelos/nayarit/nuevo leon/oaxaca/puebla/queretaro"
    "/quintana roo/san luis potosi/sinaloa/sonora/tabasco/tamaulipas/tlaxcala/veracruz/yucatan/zacatecas",
)
"""Names of states and provinces, with the code that stands after a town's name. Mexico's share MX."""

OLD_CODES: Final[Mapping[str, str]] = {"PQ": "QC", "NF": "NL", "LB": "NL", "YK": "YT"}
"""Codes that carriers still send for Canadian provinces: `MONTREAL     PQ`."""

COUNTRIES: Final = listed(
    "united states|estados unidos|etats unis|vereinigte staaten|united states of america|usa|us|u s a|u s|america",
    "canada|mexico|united kingdom|uk|u k|great britain|england|scotland|wales|northern ireland|ireland|germany",
    "alemania|allemagne|deutschland|france|spain|espana|portugal|italy|italia|switzerland|schweiz|austria",
    "osterreich|netherlands|the netherlands|nederland|holland|belgium|belgique|belgie|luxembourg|denmark|danmark",
    "sweden|sverige|norway|norge|finland|suomi|iceland|poland|polska|czech republic|czechia|slovakia|slovenia",
    "croatia|hrvatska|serbia|bosnia|hungary|magyarorszag|romania|bulgaria|greece|turkey|turkiye|russia|ukraine",
    "belarus|estonia|latvia|lithuania|israel|egypt|morocco|tunisia|algeria|nigeria|ghana|kenya|ethiopia|uganda",
    "tanzania|south africa|zimbabwe|senegal|cameroon|ivory coast|saudi arabia|united arab emirates|uae|qatar|kuwait",
    "jordan|lebanon|iraq|iran|pakistan|india|bangladesh|sri lanka|nepal|china|hong kong|taiwan|japan|south korea",
    "korea|vietnam|thailand|malaysia|singapore|indonesia|philippines|australia|new zealand|brazil|brasil|argentina",
    "chile|colombia|peru|venezuela|ecuador|bolivia|paraguay|uruguay|guatemala|el salvador|honduras|nicaragua",
    "costa rica|panama|cuba|jamaica|haiti|dominican republic|republica dominicana|bahamas|the bahamas|barbados",
    "trinidad|trinidad and tobago|bermuda|cayman islands|virgin islands|us virgin islands|british virgin islands",
    "guyana|belize|grenada|antigua|st lucia|aruba|chad|mali|malta|cyprus|georgia|armenia|azerbaijan|kazakhstan",
    "uzbekistan|afghanistan|syria|yemen|oman|bahrain|libya|sudan|somalia|angola|mozambique|zambia|rwanda|liberia",
    "sierra leone|guinea|gambia|albania|kosovo|moldova|north macedonia|macedonia|montenegro|cambodia|laos|myanmar",
    "mongolia|fiji|samoa|papua new guinea|curacao|liechtenstein|monaco|reino unido|royaume uni|francia|frankreich",
    "spanien|italien|mexique|bresil|suisse|pologne|polen|corea del sur|pays bas",
)
GIVEN_NAMES: Final = listed("alberta|georgia|indiana|montana|nevada|virginia|washington|sonora|colima")
"""States whose names are given names too: they name a person in mixed case, and a state in capitals."""

PERSONS_NAMES: Final = listed(
    "hidalgo|guerrero|morelos|durango|puebla|jordan|israel|chad|india|kenya|china|america|holland|england|ireland",
    "france|poland|wales|scotland|spain|italia|austria|malta|mali|guinea|samoa|antigua|trinidad|brazil|cuba",
    "montenegro|espana",
)
"""Regions whose names are as often persons': they are places only with more around them, as in "MEXICO CALL"."""

CITIES: Final = listed(
    "los angeles|san francisco|san diego|san jose|san antonio|san bernardino|las vegas|north las vegas|new york city",
    "bronx|the bronx|staten island|chicago|philadelphia|miami|miami beach|fort lauderdale|ft lauderdale",
    "west palm beach|atlanta|detroit|seattle|spokane|tacoma|minneapolis|st paul|saint paul|minneapolis st paul",
    "new orleans|baton rouge|salt lake city|oklahoma city|kansas city|colorado springs|fort worth|ft worth",
    "dallas fort worth|el paso|st louis|saint louis|albuquerque|tucson|sacramento|pittsburgh|cincinnati|indianapolis",
    "milwaukee|nashville|memphis|knoxville|chattanooga|louisville|jacksonville|tallahassee|st petersburg|boca raton",
    "santa fe|santa monica|santa ana|santa barbara|long beach|virginia beach|newport news|washington dc",
    "washington d c|boise|honolulu|anchorage|albany|poughkeepsie|little rock|grand rapids|ann arbor|sioux falls",
    "des moines|cedar rapids|omaha|wichita|topeka|tulsa|tampa|orlando|corpus christi|rio rancho|tempe|scottsdale",
    "toronto|montreal|calgary|ottawa|edmonton|winnipeg|mississauga|quebec city|ville de quebec|saskatoon|thunder bay",
    "north york|scarborough|etobicoke|mexico city|ciudad de mexico|mexico df|mexico d f|cdmx|guadalajara|tijuana",
    "mexicali|ciudad juarez|cancun|acapulco|hermosillo|culiacan|toluca|san juan|buenos aires|sao paulo",
    "rio de janeiro|bogota|caracas|santiago de chile|london uk|birmingham uk",
)
"""Large cities whose names no person has. BOSTON, HOUSTON, AUSTIN and BALTIMORE are surnames or given names too."""

WORLD_CITIES: Final = listed(
    "london|manchester|birmingham|liverpool|leeds|bristol|glasgow|edinburgh|cardiff|belfast|dublin|cork|paris|lyon",
    "marseille|toulouse|nice|bordeaux|lille|berlin|hamburg|munich|munchen|cologne|koln|frankfurt|stuttgart",
    "dusseldorf|leipzig|vienna|wien|zurich|geneva|basel|bern|amsterdam|rotterdam|the hague|brussels|antwerp",
    "luxembourg|madrid|barcelona|valencia|seville|lisbon|porto|rome|roma|milan|milano|naples|turin|copenhagen",
    "stockholm|oslo|helsinki|warsaw|krakow|prague|budapest|bucharest|sofia|athens|istanbul|ankara|moscow|kyiv|kiev",
    "tel aviv|jerusalem|amman|haifa|cairo|lagos|nairobi|johannesburg|cape town|dubai|abu dhabi|riyadh|doha|karachi",
    "lahore|mumbai|delhi|new delhi|bangalore|chennai|hyderabad|kolkata|dhaka|beijing|shanghai|shenzhen|guangzhou",
    "hong kong|taipei|tokyo|osaka|seoul|bangkok|singapore|kuala lumpur|jakarta|manila|hanoi|sydney|melbourne",
    "brisbane|perth|auckland|sao paulo|rio de janeiro|buenos aires|santiago|lima|bogota|caracas|quito|havana",
    "kingston|nassau|toronto|montreal|vancouver|calgary|ottawa",
)
"""Cities that stand before a country's name: "Paris, France"."""

MORE_TOWNS: Final[Mapping[str, frozenset[str]]] = {
    "AL": listed("hoover|montgomery|birmingham|huntsville"),
    "CO": listed("denver|boulder|aurora|thornton|westminster|centennial|wheat ridge|commerce city|northglenn"),
    "DC": listed("washington"),
    "GA": listed("atlanta"),
    "GU": listed("hagatna|dededo|tamuning"),
    "IL": listed("chicago"),
    "IN": listed("fishers|richmond"),
    "MA": listed("boston|lawrence|newton|lynn|springfield|cambridge|quincy"),
    "MD": listed("baltimore|frederick|dundalk|college park|columbia"),
    "MO": listed("lees summit|independence|springfield"),
    "MS": listed("jackson"),
    "MX": listed(
        "mexico|mexico city|ciudad de mexico|tijuana|guadalajara|monterrey|puebla|leon|ciudad juarez|juarez",
        "merida|cancun|queretaro|toluca|mexicali|hermosillo|culiacan|chihuahua|acapulco|morelia|veracruz|tampico",
        "aguascalientes|saltillo|torreon|ensenada|nogales|reynosa|matamoros|nuevo laredo|mazatlan|la paz|zapopan",
    ),
    "ND": listed("west fargo|fargo|bismarck"),
    "NL": listed("st johns|saint johns"),
    "NV": listed("henderson"),
    "NY": listed("manhattan|queens|new york city|nyc|brooklyn"),
    "OH": listed("parma"),
    "ON": listed("vaughan|sudbury|toronto|ottawa|scarborough|etobicoke|north york"),
    "OR": listed("tigard"),
    "PA": listed("philadelphia|pittsburgh|reading|york|lancaster|levittown|king of prussia"),
    "PR": listed("san juan|bayamon|carolina|ponce|caguas|guaynabo|mayaguez|arecibo|aguadilla|fajardo|humacao"),
    "QC": listed("montreal|quebec|quebec city|laval"),
    "TX": listed("dallas|houston|austin"),
    "UT": listed("west valley city"),
    "VA": listed("richmond|hampton"),
    "VI": listed("st thomas|st croix|christiansted|charlotte amalie"),
    "WA": listed("everett|kent"),
}
"""Towns that `towns.txt` lacks, or that are so large that the code after them means the state."""
