"""Frequent given names that are hardly ever surnames: with one of them first, `JANE ROE` is in its order already."""

from typing import Final

from leadline_server.domain.word_lists import listed

GIVEN_NAMES: Final = listed(
    "aaron|abigail|adriana|agnes|alejandra|alejandro|alexandra|alice|alicia|alison|alyssa|amanda|amber|amy|andrea",
    "andrew|angela|anita|ann|anna|anne|annette|annie|ashlee|audrey|barbara|becky|bernadette|beth|bethany|betty",
    "beverly|bianca|bob|bonnie|brad|brandi|brandon|brenda|brian|bridget|brittany|caitlin|caleb|candace|carla|carlos",
    "carol|caroline|carolyn|carrie|cassandra|catherine|cathy|charlotte|cheryl|chloe|chris|christina|christine",
    "christopher|cindy|claire|claudia|colleen|connie|courtney|cristina|crystal|cynthia|daisy|daniel|danielle|danny",
    "darlene|daryl|dave|dawn|deanna|debbie|deborah|debra|denise|derek|diana|diane|dolores|dominique|donald|donna",
    "doris|dorothy|dustin|eddie|eduardo|edward|eileen|elaine|eleanor|elena|elizabeth|ellen|emily|emma|eric|erica",
    "erika|erin|esther|ethan|eva|evelyn|felicia|fernando|florence|gabriela|gail|geraldine|gina|gladys|glenda|gloria",
    "greg|gwendolyn|hannah|heather|heidi|helen|irene|isabel|isabella|jacqueline|jamie|jane|janet|janice|jasmine",
    "jeanette|jeff|jeffrey|jenna|jennifer|jenny|jeremy|jessica|jill|jim|jimmy|joan|joanna|joanne|jodi|joe|jonathan",
    "jose|joshua|joyce|juan|juanita|judith|judy|julia|julie|justin|karen|katelyn|katherine|kathleen|kathryn|kathy",
    "katie|katrina|kayla|kelsey|kenneth|kevin|kimberly|krista|kristen|kristin|kristina|kristine|larry|latoya|laura",
    "lauren|laurie|leah|linda|lindsay|lisa|lori|lorraine|lucille|luis|lydia|madeline|marcia|margaret|maria|marie",
    "marilyn|marjorie|martha|mary|matthew|maureen|megan|melanie|melinda|melissa|mia|michael|michele|michelle|miguel",
    "mike|molly|monica|monique|nancy|natalie|natasha|nathan|nathaniel|nicholas|nicole|nina|norma|olivia|pamela",
    "patricia|patrick|patty|paula|peggy|philip|phillip|phyllis|priscilla|rachel|rafael|rebecca|regina|renee|rhonda",
    "rick|ricky|rita|roberta|roberto|robin|rodney|ronald|ronnie|ruben|ruth|sally|samantha|sandra|sara|sarah|sean",
    "sharon|shannon|shawn|sheila|shelly|sherri|sherry|sonia|sophia|stacey|stacy|stephanie|steve|steven|sue|susan",
    "suzanne|sylvia|tamara|tammy|tanya|tara|teresa|theresa|tiffany|tim|timothy|tina|todd|tom|tony|tonya|tracey",
    "tricia|valerie|vanessa|veronica|vicki|vickie|victoria|vivian|wanda|wendy|william|yolanda|yvette|yvonne|zachary",
    "zoe",
)
"""In lower case. Source: the most frequent given names of the US census and Social Security Administration."""
